// Small pages into huge ones, beside other work.
#pragma once

#include <memory>

#include "base/aligned_buffer.h"

namespace llmagentos {

// Merges all of the buffer's small pages, one huge page after the other, in a thread that ends with the last one, where
// the system refuses one, or soon after nobody else holds the buffer. What the system cannot merge at the moment is
// tried a few times more. In a virtual machine whose host must first give
// the memory, a huge page takes some milliseconds. Does nothing where no thread can be started.
void merge_pages_in_background(const std::shared_ptr<AlignedBuffer>& buffer);

}  // namespace llmagentos
