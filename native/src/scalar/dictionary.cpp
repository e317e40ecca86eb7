#include "body/dictionary.h"

namespace elanus {

extern const DictionaryKernels scalar_dictionary = {look_up_bytes};

}  // namespace elanus
