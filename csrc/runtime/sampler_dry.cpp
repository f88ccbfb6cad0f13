#include "runtime/sampler_dry.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace llmagentos::sampling {
namespace {

constexpr double kGreatestPenalty = 1e30;

// The newest tokens of the history, newest first.
void take_newest(const SamplerRow& row, std::vector<std::int32_t>& newest) {
  newest.assign(row.output_ids.rbegin(), row.output_ids.rend());
  newest.insert(newest.end(), row.prompt_ids.rbegin(), row.prompt_ids.rend());
  if (row.dry_range > 0 && static_cast<std::uint64_t>(row.dry_range) < newest.size()) {
    newest.resize(static_cast<std::size_t>(row.dry_range));
  }
}

// z[i] is the length of the longest common beginning of ids and ids[i:] (Gusfield 1997, "Algorithms on Strings, Trees
// and Sequences", 1.4); z[0] is not used.
void z_function(std::span<const std::int32_t> ids, std::vector<std::int32_t>& z) {
  const std::size_t n = ids.size();
  z.assign(n, 0);
  std::size_t begin = 0;  // of the match that reaches farthest
  std::size_t end = 0;
  for (std::size_t i = 1; i < n; ++i) {
    std::size_t length = i < end ? std::min(end - i, static_cast<std::size_t>(z[i - begin])) : 0;
    while (i + length < n && ids[length] == ids[i + length]) ++length;
    if (i + length > end) {
      begin = i;
      end = i + length;
    }
    z[i] = static_cast<std::int32_t>(length);
  }
}

float penalty_of(const SamplerRow& row, std::int64_t length) {
  const double growth =
      std::pow(static_cast<double>(row.dry_base), static_cast<double>(length - row.dry_allowed_length));
  return static_cast<float>(std::min(static_cast<double>(row.dry_multiplier) * growth, kGreatestPenalty));
}

}  // namespace

void penalise_continuations(const SamplerRow& row, std::span<float> logits, std::span<std::int32_t> longest,
                            DryScratch& scratch) {
  take_newest(row, scratch.newest);
  const std::vector<std::int32_t>& ids = scratch.newest;
  const auto is_breaker = [&](std::int32_t id) { return has_token(row.dry_breakers, static_cast<std::size_t>(id)); };
  const std::int64_t reach = std::find_if(ids.begin(), ids.end(), is_breaker) - ids.begin();
  if (reach < row.dry_allowed_length) return;
  z_function(ids, scratch.matches);
  for (std::size_t i = 1; i < ids.size(); ++i) {
    const std::int64_t length = std::min<std::int64_t>(scratch.matches[i], reach);
    const std::int32_t next = ids[i - 1];
    if (length < row.dry_allowed_length || is_breaker(next)) continue;
    std::int32_t& most = longest[static_cast<std::size_t>(next)];
    most = std::max(most, static_cast<std::int32_t>(length));
  }
  for (const std::int32_t id : ids) {
    std::int32_t& length = longest[static_cast<std::size_t>(id)];
    if (length > 0) logits[static_cast<std::size_t>(id)] -= penalty_of(row, length);
    length = 0;
  }
}

}  // namespace llmagentos::sampling
