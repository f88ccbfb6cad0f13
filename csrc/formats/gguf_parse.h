// From a GGUF file's bytes to the list of what it holds; gguf.h states the guarantees.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "formats/gguf.h"

namespace llmagentos {

// `path` is used in errors only.
GgufContents parse_gguf(std::span<const std::byte> bytes, const std::string& path);

// Bytes of one value of a type of fixed size; 0 for strings and arrays.
std::size_t gguf_type_bytes(GgufType type);

}  // namespace llmagentos
