#include "base/page_merger.h"

#include <cstddef>
#include <system_error>
#include <thread>

#include "base/signals.h"

namespace llmagentos {

void merge_pages_in_background(const std::shared_ptr<AlignedBuffer>& buffer) {
  const auto merge_all = [weak = std::weak_ptr<AlignedBuffer>(buffer)] {
    for (std::size_t offset = 0;; offset += AlignedBuffer::kHugePage) {
      // Held for one page at a time: whoever closes a model waits for no more.
      const std::shared_ptr<AlignedBuffer> held = weak.lock();
      if (!held || !held->merge_page(offset)) return;
    }
  };
  const SignalsBlocked blocked;  // inherited by the thread
  try {
    std::thread(merge_all).detach();
  } catch (const std::system_error&) {
    // Small pages serve as well, only slower.
  }
}

}  // namespace llmagentos
