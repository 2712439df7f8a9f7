#include "windows.h"

#include <algorithm>

namespace sinter::detail {

Complain complaint(const std::string& name, const std::string& otherwise) {
  return [who = name.empty() ? otherwise : name](const std::string& why) { user_error(who, ": ", why); };
}

ir::Ints per_axis(const Dims& dims, int spatial, std::string_view what, const Complain& complain) {
  ir::Ints values = dims.values();
  if (values.size() == 1) values.resize(static_cast<std::size_t>(spatial), values[0]);
  if (static_cast<int>(values.size()) != spatial)
    complain(str(what, " must have 1 or ", spatial, " entries, got ", ir::to_string(values)));
  if (std::ranges::any_of(values, [](std::int64_t v) { return v < 1; }))
    complain(str(what, " must be positive, got ", ir::to_string(values)));
  return values;
}

void check_padding(const std::string& padding, bool causal, const Complain& complain) {
  if (padding == "valid" || padding == "same" || (causal && padding == "causal")) return;
  complain(str("unknown padding '", padding, "'; expected 'valid'", causal ? ", 'same' or 'causal'" : " or 'same'"));
}

ir::Ints spatial_extents(const Shape& input, int spatial, const Complain& complain) {
  if (input.rank() != spatial + 2)
    complain(str("expected inputs of rank ", spatial + 2, " (batch, ", spatial, " spatial, channels), got ", input));
  return {input.begin() + 1, input.end() - 1};
}

WindowPlaces window_places(const Windows& w, const std::string& padding, const ir::Ints& input,
                           const Complain& complain) {
  WindowPlaces places;
  for (std::size_t k = 0; k < input.size(); ++k) {
    const std::int64_t reach = w.dilation[k] * (w.window[k] - 1) + 1;
    const std::int64_t room = padding == "valid" ? input[k] - reach : input[k] - 1;
    const std::int64_t out = room < 0 ? 0 : room / w.stride[k] + 1;
    if (out < 1)
      complain(str("the output would be empty: a window of ", reach, " does not fit the ", input[k],
                   " elements of spatial axis ", k, "; use padding 'same' or a smaller window"));
    places.extents.push_back(out);
    const std::int64_t missing = std::max<std::int64_t>(0, (out - 1) * w.stride[k] + reach - input[k]);
    places.low.push_back(padding == "valid" ? 0 : padding == "causal" ? reach - 1 : missing / 2);
  }
  return places;
}

}  // namespace sinter::detail
