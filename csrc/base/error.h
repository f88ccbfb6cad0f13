// The errors the core raises. bindings/errors.cpp turns each into its Python class of llmagentos.errors.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>

namespace llmagentos {

struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// A model file that breaks its format's rules. `offset` is the byte where that was seen.
struct ModelFormatError : Error {
  ModelFormatError(const std::string& message, std::string file, std::uint64_t byte_offset)
      : Error(file + ": at byte " + std::to_string(byte_offset) + ": " + message),
        path(std::move(file)),
        offset(byte_offset) {}
  std::string path;
  std::uint64_t offset;
};

// A well-formed file that asks for something this build does not have (architecture, weight format, tokenizer).
struct UnsupportedModelError : Error {
  using Error::Error;
};

// An argument outside its domain; the message names it and its value.
struct InvalidArgument : Error {
  using Error::Error;
};

struct OutOfMemoryError : Error {
  using Error::Error;
};

}  // namespace llmagentos
