// Large zeroed memory straight from the system: arenas, packed weights, the KV pool.
#pragma once

#include <cstddef>
#include <utility>

namespace llmagentos {

enum class HugePages {
  at_once,    // when a page is first touched
  on_request  // small pages, which use_huge_pages() and merge_page() can turn into huge ones
};

// Of small pages into a huge one: `later` is worth another try.
enum class Merged { done, later, refused };

// Anonymous memory by mmap. Pages read as zero and cost nothing until they are touched. `data()` is aligned to 64 bytes
// or better; from kHugeFrom bytes up it is aligned to 2 MiB and the kernel is asked for huge pages (a hint: where they
// are off, nothing else changes). Move-only; a default or zero-byte buffer holds nothing and has data() == nullptr.
class AlignedBuffer {
 public:
  static constexpr std::size_t kAlignment = 64;
  static constexpr std::size_t kHugePage = std::size_t{2} << 20;
  static constexpr std::size_t kHugeFrom = std::size_t{4} << 20;

  AlignedBuffer() = default;

  // Throws OutOfMemoryError, which names `bytes`, when the system refuses them.
  explicit AlignedBuffer(std::size_t bytes, HugePages huge_pages = HugePages::at_once);
  ~AlignedBuffer();

  AlignedBuffer(AlignedBuffer&& other) noexcept { swap(other); }
  AlignedBuffer& operator=(AlignedBuffer&& other) noexcept {
    AlignedBuffer taken(std::move(other));
    swap(taken);
    return *this;
  }
  AlignedBuffer(const AlignedBuffer&) = delete;
  AlignedBuffer& operator=(const AlignedBuffer&) = delete;

  std::byte* data() { return data_; }
  const std::byte* data() const { return data_; }
  std::size_t size() const { return size_; }  // the bytes asked for
  explicit operator bool() const { return data_ != nullptr; }

  template <class T>
  T* as() {
    static_assert(alignof(T) <= kAlignment);
    return reinterpret_cast<T*>(data_);
  }
  template <class T>
  const T* as() const {
    static_assert(alignof(T) <= kAlignment);
    return reinterpret_cast<const T*>(data_);
  }

  // From now on huge pages are wanted here too: the kernel merges small ones in its own time, minutes for 100 MB.
  void use_huge_pages();

  // Merges the small pages that the huge page at `offset`, a multiple of kHugePage, will take the place of. What they
  // hold stays, and may be read and written meanwhile. Refused where the system can't, or has no huge page left; later
  // where what it needs is in use at the moment.
  Merged merge_page(std::size_t offset);

 private:
  void swap(AlignedBuffer& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(mapping_, other.mapping_);
    std::swap(mapped_bytes_, other.mapped_bytes_);
  }

  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  void* mapping_ = nullptr;  // what mmap returned: data_ may lie further in
  std::size_t mapped_bytes_ = 0;
};

}  // namespace llmagentos
