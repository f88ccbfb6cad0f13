// The system's pages.
#pragma once

#include <unistd.h>

#include <cstddef>

namespace llmagentos {

inline std::size_t page_bytes() {
  static const auto bytes = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return bytes;
}

}  // namespace llmagentos
