#include "base/aligned_buffer.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstdint>
#include <limits>
#include <string>

#include "base/error.h"
#include "base/pages.h"

namespace llmagentos {
namespace {

[[noreturn]] void refuse(std::size_t bytes) {
  throw OutOfMemoryError("the system refused an allocation of " + std::to_string(bytes) + " bytes");
}

// A hint: a kernel without huge pages refuses it, and small pages serve as well.
void advise(void* data, std::size_t bytes, HugePages huge_pages) {
#ifdef MADV_HUGEPAGE
  static_cast<void>(madvise(data, bytes, huge_pages == HugePages::at_once ? MADV_HUGEPAGE : MADV_NOHUGEPAGE));
#else
  static_cast<void>(data);
  static_cast<void>(bytes);
  static_cast<void>(huge_pages);
#endif
}

}  // namespace

AlignedBuffer::AlignedBuffer(std::size_t bytes, HugePages huge_pages) {
  if (bytes == 0) return;
  const bool huge = bytes >= kHugeFrom;
  // mmap aligns to a page only: a huge buffer maps one huge page more and starts at the first boundary inside.
  const std::size_t slack = huge ? kHugePage : 0;
  const std::size_t page = page_bytes();
  if (bytes > std::numeric_limits<std::size_t>::max() - slack - page) refuse(bytes);
  const std::size_t mapped = (bytes + slack + page - 1) / page * page;
  void* const mapping = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapping == MAP_FAILED) refuse(bytes);
  mapping_ = mapping;
  mapped_bytes_ = mapped;
  size_ = bytes;
  const std::size_t alignment = huge ? kHugePage : kAlignment;
  const std::size_t past = reinterpret_cast<std::uintptr_t>(mapping) % alignment;
  data_ = static_cast<std::byte*>(mapping) + (past == 0 ? 0 : alignment - past);
  if (huge) advise(data_, bytes, huge_pages);
}

AlignedBuffer::~AlignedBuffer() {
  if (mapping_ != nullptr) munmap(mapping_, mapped_bytes_);
}

void AlignedBuffer::use_huge_pages() {
  if (size_ >= kHugeFrom) advise(data_, size_, HugePages::at_once);
}

Merged AlignedBuffer::merge_page(std::size_t offset) {
  if (size_ < kHugeFrom || offset % kHugePage != 0 || offset + kHugePage > size_) return Merged::refused;
#ifdef __linux__
  constexpr int kMadvCollapse = 25;  // MADV_COLLAPSE, of Linux 6.1
  if (madvise(data_ + offset, kHugePage, kMadvCollapse) == 0) return Merged::done;
  return errno == EAGAIN ? Merged::later : Merged::refused;
#else
  return Merged::refused;
#endif
}

}  // namespace llmagentos
