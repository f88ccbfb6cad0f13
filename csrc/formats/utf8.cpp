#include "formats/utf8.h"

#include <cstddef>

namespace llmagentos {

bool is_valid_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i++]);
    if (lead < 0x80) continue;
    const std::size_t following = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
    if (lead < 0xc2 || lead > 0xf4 || text.size() - i < following) return false;
    // The lead byte narrows what the second may be: that rules out overlong forms, surrogates and numbers too large.
    const unsigned char low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    const unsigned char high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    const auto second = static_cast<unsigned char>(text[i]);
    if (second < low || second > high) return false;
    for (std::size_t k = 1; k < following; ++k)
      if ((static_cast<unsigned char>(text[i + k]) & 0xc0) != 0x80) return false;
    i += following;
  }
  return true;
}

}  // namespace llmagentos
