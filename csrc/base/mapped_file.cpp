#include "base/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <system_error>
#include <utility>

#include "base/pages.h"

namespace llmagentos {
namespace {

std::string reason(int error) { return std::generic_category().message(error); }

class Descriptor {
 public:
  // Not blocking: opening a pipe that nobody writes to must end in an error, not wait.
  explicit Descriptor(const std::string& path) : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
    if (fd_ < 0) throw FileOpenError(path + ": cannot be opened: " + reason(errno));
  }
  ~Descriptor() { ::close(fd_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

}  // namespace

MappedFile::MappedFile(const std::string& path) {
  const Descriptor file(path);
  struct stat status;
  if (::fstat(file.get(), &status) != 0) throw FileOpenError(path + ": cannot be opened: " + reason(errno));
  if (S_ISDIR(status.st_mode)) throw FileOpenError(path + ": is a directory, not a file");
  if (!S_ISREG(status.st_mode)) throw FileOpenError(path + ": is not a regular file");
  if (status.st_size == 0) throw ModelFormatError("the file is empty", path, 0);

  const auto size = static_cast<std::size_t>(status.st_size);
  void* const mapped = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (mapped == MAP_FAILED) {
    const int error = errno;
    const std::string message = path + ": its " + std::to_string(size) + " bytes cannot be mapped: " + reason(error);
    if (error == ENOMEM) throw OutOfMemoryError(message);
    throw FileOpenError(message);
  }
  data_ = static_cast<const std::byte*>(mapped);
  size_ = size;
}

MappedFile::~MappedFile() { unmap(); }

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  if (this != &other) {
    unmap();
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
  }
  return *this;
}

void MappedFile::unmap() noexcept {
  if (data_) ::munmap(const_cast<std::byte*>(data_), size_);
}

void MappedFile::advise_dont_need(std::size_t offset, std::size_t n) const {
  if (offset >= size_) return;
  // The file's last page belongs to nobody else, though it is not full.
  const std::size_t n_to_end = (size_ + page_bytes() - 1) / page_bytes() * page_bytes() - offset;
  llmagentos::advise_dont_need(data_ + offset, n < size_ - offset ? n : n_to_end);
}

void advise_dont_need(const std::byte* begin, std::size_t n) {
  const std::size_t page = page_bytes();
  const auto address = reinterpret_cast<std::uintptr_t>(begin);
  const std::uintptr_t first = (address + page - 1) / page * page, last = (address + n) / page * page;
  if (first >= last) return;
  // Advice only: where the system declines it the pages merely stay.
  ::madvise(reinterpret_cast<void*>(first), last - first, MADV_DONTNEED);
}

}  // namespace llmagentos
