// Checks that bytes are UTF-8 as RFC 3629 has it: no overlong form, no surrogate, nothing above U+10FFFF.
#pragma once

#include <string_view>

namespace llmagentos {

bool is_valid_utf8(std::string_view text);

}  // namespace llmagentos
