// Python's view of the relay.

#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>

#include "relay.h"

namespace nb = nanobind;

using elanus::relay::Counts;
using elanus::relay::Options;
using elanus::relay::Relay;

NB_MODULE(_relay, module) {
    // A relay that still runs when the interpreter ends is no leak.
    nb::set_leak_warnings(false);
    module.doc() = "One public port for two servers, on a thread of its own.";

    nb::class_<Counts>(module, "Counts", "Connections and bytes since the start; `active` is at present.")
        .def_ro("accepted", &Counts::accepted)
        .def_ro("refused", &Counts::refused)
        .def_ro("active", &Counts::active)
        .def_ro("bytes", &Counts::bytes);

    nb::class_<Relay>(module, "Relay")
        .def(
            "__init__",
            [](Relay* self, int listen_fd, const std::string& http2_path, const std::string& http1_path,
               size_t connection_count_max, int64_t decision_ms_max) {
                new (self) Relay(listen_fd, Options{http2_path, http1_path, connection_count_max, decision_ms_max});
            },
            nb::arg("listen_fd"), nb::kw_only(), nb::arg("http2_path"), nb::arg("http1_path"),
            nb::arg("connection_count_max"), nb::arg("decision_ms_max"),
            "Takes over a listening, non-blocking socket and starts. Raises RuntimeError when descriptors run out.")
        .def("stop_accepting", &Relay::stop_accepting, "Closes the public port; connections stay.")
        .def("stop", &Relay::stop, nb::call_guard<nb::gil_scoped_release>(),
             "Closes the port and every connection; returns when the thread has ended.")
        .def("counts", &Relay::counts, "Connections and bytes.");
}
