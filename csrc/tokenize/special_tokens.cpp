#include "tokenize/special_tokens.h"

#include <algorithm>

namespace llmagentos {

SpecialTokens::SpecialTokens(const std::vector<std::string_view>& tokens, const std::vector<Trait>& traits,
                             const TokenTable& table)
    : traits_(traits), table_(table) {
  std::vector<std::int32_t> special;
  for (std::size_t id = 0; id < tokens.size(); ++id) {
    if ((traits[id] & kSpecialTraits) && !tokens[id].empty()) special.push_back(static_cast<std::int32_t>(id));
  }
  std::sort(special.begin(), special.end(),
            [&](std::int32_t a, std::int32_t b) { return tokens[a].size() > tokens[b].size(); });
  for (const std::int32_t id : special) {
    const std::string_view text = tokens[id];
    if (lengths_.empty() || lengths_.back().n_bytes != text.size()) lengths_.push_back({text.size(), false, {}, {}});
    Length& length = lengths_.back();
    length.user_defined = length.user_defined || !(traits[id] & kHiddenTraits);
    length.first.set(static_cast<unsigned char>(text.front()));
    length.last.set(static_cast<unsigned char>(text.back()));
  }
}

std::vector<Fragment> SpecialTokens::partition(std::string_view text, bool parse_special) const {
  std::vector<Fragment> fragments, finer;
  if (!text.empty()) fragments.push_back({text, kNoToken});
  for (const Length& length : lengths_) {
    if (!parse_special && !length.user_defined) continue;
    finer.clear();
    for (const Fragment& fragment : fragments) {
      if (fragment.token != kNoToken || fragment.text.size() < length.n_bytes) {
        finer.push_back(fragment);
      } else {
        cut(length, fragment.text, parse_special ? kSpecialTraits : kUserDefinedTrait, finer);
      }
    }
    fragments.swap(finer);
  }
  return fragments;
}

void SpecialTokens::cut(const Length& length, std::string_view text, Trait wanted, std::vector<Fragment>& out) const {
  std::size_t done = 0;
  for (std::size_t at = 0; at + length.n_bytes <= text.size();) {
    const auto first = static_cast<unsigned char>(text[at]);
    const auto last = static_cast<unsigned char>(text[at + length.n_bytes - 1]);
    const bool possible = length.first[first] && length.last[last];
    const std::int32_t token = possible ? table_.find(text.substr(at, length.n_bytes)) : kNoToken;
    // Without parse_special, a user-defined token that is also control-like stays text.
    const bool found = token != kNoToken && (traits_[token] & wanted) &&
                       (wanted == kSpecialTraits || !(traits_[token] & kHiddenTraits));
    if (!found) {
      ++at;
      continue;
    }
    if (at > done) out.push_back({text.substr(done, at - done), kNoToken});
    out.push_back({text.substr(at, length.n_bytes), token});
    done = at += length.n_bytes;
  }
  if (done < text.size()) out.push_back({text.substr(done), kNoToken});
}

}  // namespace llmagentos
