// A file mapped read-only into memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/error.h"

namespace llmagentos {

// The file cannot be opened at all: absent, a directory, not a regular file, no permission. Python: ModelNotFoundError.
struct FileOpenError : Error {
  using Error::Error;
};

// Shared with other processes through the page cache; pages are read when first touched. Move-only.
// A file that another process cuts short while it is mapped ends this process with SIGBUS: replace model files by
// renaming, never in place.
class MappedFile {
 public:
  // Throws FileOpenError, or ModelFormatError (byte 0) for an empty file.
  explicit MappedFile(const std::string& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  const std::byte* data() const { return data_; }
  std::size_t size() const { return size_; }

  // Gives the whole pages inside [offset, offset + n) back to the system; touching them again reads the file again.
  // The range is cut at the end of the file.
  void advise_dont_need(std::size_t offset, std::size_t n) const;

 private:
  void unmap() noexcept;
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

// As the member, for the whole pages inside [begin, begin + n), which must be of a file that somebody has mapped: other
// memory would be zeroed.
void advise_dont_need(const std::byte* begin, std::size_t n);

}  // namespace llmagentos
