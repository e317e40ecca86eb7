// Searches over inverted lists. What belongs together comes as one tuple, in the order of the Python face.

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>

#include "algo/ivf_search.h"
#include "algo/rabitq.h"
#include "arrays.h"
#include "dense.h"
#include "elanus/dispatch.h"

namespace elanus {

namespace {

void check_size(int64_t found, int64_t expected, const char* what) {
    if (found == expected) return;
    raise_value_error(std::string(what) + " has " + std::to_string(found) + " elements, expected " +
                      std::to_string(expected));
}

void check_between(int64_t value, int64_t low, int64_t high, const char* what) {
    if (value >= low && value <= high) return;
    raise_value_error(std::string(what) + " is " + std::to_string(value) + ", expected " + std::to_string(low) +
                      " to " + std::to_string(high));
}

Metric parse_ranking(std::string_view name) {
    const Metric metric = parse_metric(name);
    if (metric != Metric::l2 && metric != Metric::ip) raise_value_error("lists are ranked by L2 or IP");
    return metric;
}

// An array whose elements and number of elements are as expected; the first dimension is not checked when it is -1.
class TypedArray : public ArrayArgument {
public:
    TypedArray(nb::handle object, const char* name, Dtype dtype, int64_t size) : ArrayArgument(object, name, 1) {
        expect(dtype);
        if (size >= 0) check_size(this->size(), size, name);
    }
    TypedArray(nb::handle object, const char* name, Dtype dtype, int64_t rows, int64_t columns)
        : ArrayArgument(object, name, 2) {
        expect(dtype);
        if (rows >= 0) check_size(size(0), rows, name);
        if (columns >= 0) check_size(size(1), columns, name);
    }
};

nb::tuple tuple_of_size(nb::handle object, size_t size, const char* name) {
    if (!nb::isinstance<nb::tuple>(object) || nb::len(object) != size) {
        raise_type_error(std::string(name) + " is not a tuple of " + std::to_string(size));
    }
    return nb::borrow<nb::tuple>(object);
}

class ListArguments {
public:
    explicit ListArguments(nb::handle object) : ListArguments(tuple_of_size(object, 7, "lists")) {}

    IvfCentroids centroids() {
        return {.list_count = list_count(),
                .dim = dim(),
                .matrix = matrix_.data<float>(),
                .codes = codes_.data<int8_t>(),
                .scales = scales_.data<float>(),
                .origin = origin_.data<float>(),
                .squares = squares_.data<float>()};
    }

    IvfMembers members() {
        return {
            .place_count = members_.size(), .offsets = offsets_.data<int64_t>(), .members = members_.data<int32_t>()};
    }

    int64_t list_count() const { return matrix_.size(0); }
    int64_t dim() const { return matrix_.size(1); }
    int64_t place_count() const { return members_.size(); }

private:
    explicit ListArguments(const nb::tuple& lists)
        : matrix_(lists[0], "centroids", Dtype::float32, -1, -1),
          codes_(lists[1], "centroid_codes", Dtype::int8, list_count(), dim()),
          scales_(lists[2], "centroid_scales", Dtype::float32, dim()),
          origin_(lists[3], "centroid_origin", Dtype::float32, dim()),
          squares_(lists[4], "centroid_squares", Dtype::float32, 2, list_count()),
          offsets_(lists[5], "offsets", Dtype::int64, list_count() + 1),
          members_(lists[6], "members", Dtype::int32, -1) {
        check_between(list_count(), 1, INT32_MAX, "count of lists");
    }

    TypedArray matrix_, codes_, scales_, origin_, squares_, offsets_, members_;
};

class ByteArguments {
public:
    ByteArguments(nb::handle object, const ListArguments& lists, bool by_distance)
        : ByteArguments(tuple_of_size(object, 4, "codes"), lists, by_distance) {}

    IvfBytes bytes() {
        return {.dim = scales_.size(),
                .scales = scales_.data<float>(),
                .origin = origin_.data<float>(),
                .codes = codes_.data<int8_t>(),
                .constants = constants_.data<float>()};
    }

private:
    ByteArguments(const nb::tuple& codes, const ListArguments& lists, bool by_distance)
        : scales_(codes[0], "scales", Dtype::float32, lists.dim()),
          origin_(codes[1], "origin", Dtype::float32, lists.dim()),
          codes_(codes[2], "codes", Dtype::int8, lists.place_count(), lists.dim()),
          constants_(codes[3], "constants", Dtype::float32, by_distance ? lists.place_count() : 0) {}

    TypedArray scales_, origin_, codes_, constants_;
};

class RabitqArguments {
public:
    RabitqArguments(nb::handle object, const ListArguments& lists)
        : RabitqArguments(tuple_of_size(object, 7, "codes"), lists) {}

    RabitqCodes codes() {
        return {.rotation = {.dim = origin_.size(), .padded_dim = padded_dim(), .signs = signs_.data<float>()},
                .place_count = factors_.size(1),
                .origin = origin_.data<float>(),
                .blocks = blocks_.data<uint8_t>(),
                .factors = factors_.data<float>(),
                .fine_bits = fine_bits_,
                .fine = fine_.data<uint8_t>(),
                .fine_factors = fine_factors_.data<float>()};
    }

    int64_t fine_bits() const { return fine_bits_; }

private:
    RabitqArguments(const nb::tuple& codes, const ListArguments& lists)
        : signs_(codes[0], "signs", Dtype::float32, kRotationRounds, -1),
          origin_(codes[1], "origin", Dtype::float32, lists.dim()),
          blocks_(codes[2], "blocks", Dtype::uint8, (lists.place_count() + 31) / 32, 4 * padded_dim()),
          factors_(codes[3], "factors", Dtype::float32, 3, lists.place_count()),
          fine_bits_(nb::cast<int64_t>(codes[4])),
          fine_(codes[5], "fine_codes", Dtype::uint8, has_fine() ? lists.place_count() : 0,
                (fine_bits_ - 1) * padded_dim() / 8),
          fine_factors_(codes[6], "fine_factors", Dtype::float32, 2, has_fine() ? lists.place_count() : 0) {
        check_between(fine_bits_, 1, 8, "fine_bits");
        if (padded_dim() % 64 != 0 || padded_dim() < lists.dim()) {
            raise_value_error("signs has " + std::to_string(padded_dim()) + " columns, expected a multiple of 64 of " +
                              "at least " + std::to_string(lists.dim()));
        }
    }

    int64_t padded_dim() const { return signs_.size(1); }
    bool has_fine() const { return fine_bits_ > 1; }

    TypedArray signs_, origin_, blocks_, factors_;
    int64_t fine_bits_;
    TypedArray fine_, fine_factors_;
};

// What is asked: metric, queries, column, the queries as lists compare them, and the allowed rows.
class QuestionArguments {
public:
    explicit QuestionArguments(nb::handle object) : QuestionArguments(tuple_of_size(object, 8, "question")) {}

    bool by_distance() const { return metric_ == Metric::l2; }

    nb::object answer(ListArguments& lists, ListReader& reader, int64_t nprobe, int64_t k, int64_t pool) {
        check_k(k);
        check_between(nprobe, 1, lists.list_count(), "nprobe");
        check_between(pool, k, INT64_MAX, "pool");
        check_size(vectors_.size(1), lists.dim(), "a vector");
        check_size(vectors_.size(0), dense_.query_count(), "vectors");
        ResultArray scores(Dtype::float32, dense_.query_count(), k);
        ResultArray rows(Dtype::int64, dense_.query_count(), k);
        const IvfSearch search = {.scan = dense_.input(allow_.words()),
                                  .vectors = vectors_.data<float>(),
                                  .length = length_,
                                  .ranking = ranking_,
                                  .square_weight = square_weight_,
                                  .centroids = lists.centroids(),
                                  .members = lists.members(),
                                  .nprobe = nprobe,
                                  .k = std::min(k, lists.place_count()),
                                  .pool = std::min(pool, lists.place_count()),
                                  .row_stride = k};
        int64_t bad = -1;
        {
            const nb::gil_scoped_release release;
            bad = search_lists(search, reader, scores.data<float>(), rows.data<int64_t>());
        }
        if (bad >= 0) raise_value_error("offsets of list " + std::to_string(bad) + " are not within the members");
        return nb::make_tuple(scores.object(), rows.object());
    }

private:
    explicit QuestionArguments(const nb::tuple& question)
        : metric_(parse_metric(nb::cast<std::string>(question[0]))),
          dense_(nb::cast<std::string>(question[0]).c_str(), question[1], 2, question[2]),
          vectors_(question[3], "vectors", Dtype::float32, -1, -1),
          length_(static_cast<float>(nb::cast<double>(question[4]))),
          ranking_(parse_ranking(nb::cast<std::string>(question[5]))),
          square_weight_(static_cast<float>(nb::cast<double>(question[6]))),
          allow_(question[7], dense_.row_count()) {
        if (metric_ == Metric::hamming || metric_ == Metric::jaccard) {
            raise_value_error("inverted lists compare numbers, expected metric L2, IP or COSINE");
        }
    }

    const Metric metric_;
    DenseArguments dense_;
    TypedArray vectors_;
    const float length_;
    const Metric ranking_;
    const float square_weight_;
    AllowArgument allow_;
};

RabitqStage parse_stage(std::string_view name, int64_t fine_bits) {
    if (name == "estimates") return RabitqStage::estimates;
    if (name == "column") return RabitqStage::column;
    if (name == "fine" && fine_bits > 1) return RabitqStage::fine;
    raise_value_error("stage is '" + std::string(name) + "', expected estimates, column, or fine where there are " +
                      "finer codes");
}

nb::object ivf_search_flat(nb::handle question, nb::handle lists, int64_t nprobe, int64_t k) {
    QuestionArguments asked(question);
    ListArguments stored(lists);
    const auto reader = make_flat_reader(stored.members());
    return asked.answer(stored, *reader, nprobe, k, k);
}

nb::object ivf_search_bytes(nb::handle question, nb::handle lists, nb::handle codes, int64_t nprobe, int64_t k,
                            int64_t pool) {
    QuestionArguments asked(question);
    ListArguments stored(lists);
    ByteArguments coded(codes, stored, asked.by_distance());
    const auto reader = make_bytes_reader(stored.members(), coded.bytes(), asked.by_distance());
    return asked.answer(stored, *reader, nprobe, k, pool);
}

nb::object ivf_search_rabitq(nb::handle question, nb::handle lists, nb::handle codes, const char* stage, int64_t nprobe,
                             int64_t k, int64_t pool) {
    QuestionArguments asked(question);
    ListArguments stored(lists);
    RabitqArguments coded(codes, stored);
    const auto reader =
        make_rabitq_reader(stored.members(), coded.codes(), parse_stage(stage, coded.fine_bits()), asked.by_distance());
    return asked.answer(stored, *reader, nprobe, k, pool);
}

nb::object ivf_nearest_lists(const char* ranking, double square_weight, nb::handle vectors, nb::handle lists,
                             int64_t nprobe) {
    ListArguments stored(lists);
    TypedArray queries(vectors, "vectors", Dtype::float32, -1, stored.dim());
    const Metric metric = parse_ranking(ranking);
    check_between(nprobe, 1, stored.list_count(), "nprobe");
    ResultArray found(Dtype::int64, queries.size(0), nprobe);
    auto* out = found.data<int64_t>();
    const auto* query = queries.data<float>();
    const IvfCentroids centroids = stored.centroids();
    {
        const nb::gil_scoped_release release;
        CoarseSearch coarse(active_table(), metric, static_cast<float>(square_weight), centroids, nprobe,
                            queries.size(0));
        for (int64_t q = 0; q < queries.size(0); ++q) {
            const int64_t number = q % CoarseSearch::kTogether;
            if (number == 0) {
                coarse.begin(query + q * stored.dim(), std::min(CoarseSearch::kTogether, queries.size(0) - q));
            }
            for (const NearList& near : coarse.nearest(number)) *out++ = near.list;
        }
    }
    return found.object();
}

}  // namespace

void bind_ivf(nb::module_& module) {
    module.def("ivf_search_flat", &ivf_search_flat);
    module.def("ivf_search_bytes", &ivf_search_bytes);
    module.def("ivf_search_rabitq", &ivf_search_rabitq);
    module.def("ivf_nearest_lists", &ivf_nearest_lists);
}

}  // namespace elanus
