// Attention as small matrix products: a few query rows against a 32-token key tile, then against the span's values.
#include "kernels/attention/attention.h"
#include "kernels/attention/softmax_simd.h"
#include "kernels/prefetch.h"
#include "kernels/simd/simd.h"

namespace llmagentos::LLMAGENTOS_ISA {

using namespace kernels;
using namespace simd;

namespace {

// How many tiles ahead of the one being read the memory is asked for: a tile of 64 dimensions takes about as long to
// compute as memory takes to answer once.
constexpr int kTilesAhead = 4;

template <KvType kType>
inline F32 load_kv(const std::byte* tile, int index) {
  if constexpr (kType == KvType::f32) return load(reinterpret_cast<const float*>(tile) + index);
  if constexpr (kType == KvType::i8) return load_i8_as_float(reinterpret_cast<const std::int8_t*>(tile) + index);
  return load_half(reinterpret_cast<const std::uint16_t*>(tile) + index);
}

inline const float* kv_scales(const std::byte* tile, int head_dim) {
  return reinterpret_cast<const float*>(tile + head_dim * kKvBlock);
}

template <KvType kType>
constexpr int kElementBytes = kType == KvType::f32   ? 4
                              : kType == KvType::f16 ? 2
                                                     : 1;

// Asks for the `n` elements from `index` on of the tile that comes next. A tile of 64 dimensions is one page, and the
// processor's own prefetching stops at its end.
template <KvType kType, bool kAhead>
LLMAGENTOS_PREFETCHES void prefetch_kv(const std::byte* ahead, int index, int n) {
  if constexpr (kAhead)
    prefetch(ahead + index * kElementBytes<kType>, static_cast<std::size_t>(n * kElementBytes<kType>));
}

constexpr int kRegisters = kLanes == 16 ? 32 : 16;  // NEON's other 16 are not used: nobody has measured them

// Rows that are computed together: as many as the registers hold with two vectors each, beside two of the tile's.
constexpr int kMaxRows = kRegisters == 32 ? 12 : 6;

// Calls body.template operator()<n, ahead>(first_row) so that all rows are covered by chunks of n, at most kMaxRows.
// `ahead`: whether the chunk is to prefetch, which the first does where anything comes next. (A request for what is
// there already is not free.)
template <class Body>
inline void in_chunks(int n_rows, bool has_next, Body body) {
  int row = 0;
  const auto chunk = [&]<int n>() {
    if (row == 0 && has_next)
      body.template operator()<n, true>(row);
    else
      body.template operator()<n, false>(row);
    row += n;
  };
  while (row + kMaxRows <= n_rows) chunk.template operator()<kMaxRows>();
  if constexpr (kMaxRows > 8)
    if (row + 8 <= n_rows) chunk.template operator()<8>();
  while (row + 4 <= n_rows) chunk.template operator()<4>();
  if (row + 3 <= n_rows) chunk.template operator()<3>();
  if (row + 2 <= n_rows) chunk.template operator()<2>();
  if (row + 1 <= n_rows) chunk.template operator()<1>();
}

constexpr int kTiles = kSpan / kKvBlock;  // of a whole span

// The tiles of a span's keys or values, and the tiles that are prefetched while they are read.
struct SpanTiles {
  int n;
  const std::byte* tile[kTiles];
  const std::byte* ahead[kTiles];
};

// scores[r][slot] for kRows rows and the kKvBlock keys of one tile. Two vectors of keys at a time, for the registers.
// q: [head_dim / kLanes][n_rows][kLanes], from the first of the rows on. While it reads k_tile it prefetches `ahead`.
template <KvType kType, int kRows, bool kAhead>
inline void score_rows(const std::byte* k_tile, const std::byte* ahead, const float* q, int n_rows, int head_dim,
                       float* scores) {
  constexpr int kWide = kKvBlock / kLanes < 2 ? 1 : 2;
  for (int key = 0; key < kKvBlock; key += kWide * kLanes) {
    F32 acc[kRows][kWide];
    for (int r = 0; r < kRows; ++r)
      for (int i = 0; i < kWide; ++i) acc[r][i] = zero();
    const float* x = q;
    for (int first = 0; first < head_dim; first += kLanes, x += n_rows * kLanes)
      for (int j = 0; j < kLanes; ++j) {
        const int at = (first + j) * kKvBlock + key;
        prefetch_kv<kType, kAhead>(ahead, at, kWide * kLanes);
        F32 k[kWide];
        for (int i = 0; i < kWide; ++i) k[i] = load_kv<kType>(k_tile, at + i * kLanes);
        for (int r = 0; r < kRows; ++r) {
          const F32 element = set1(x[r * kLanes + j]);
          for (int i = 0; i < kWide; ++i) acc[r][i] = fma(element, k[i], acc[r][i]);
        }
      }
    if constexpr (kType == KvType::i8)
      for (int i = 0; i < kWide; ++i) {
        const F32 scale = load(kv_scales(k_tile, head_dim) + key + i * kLanes);
        for (int r = 0; r < kRows; ++r) acc[r][i] = mul(acc[r][i], scale);
      }
    for (int r = 0; r < kRows; ++r)
      for (int i = 0; i < kWide; ++i) store(scores + r * kSpan + key + i * kLanes, acc[r][i]);
  }
}

// values[r][d] = sum over the span's n_keys of weights[r][key] * v[key][d], keys in sequence, for kRows rows and the
// kWide vectors from d on. Slots past the last key may hold another sequence's leavings: they are not read.
template <KvType kType, int kRows, int kWide, bool kAhead>
inline void sum_values(const SpanTiles& v, int n_keys, const float* weights, int head_dim, int d, float* values) {
  F32 acc[kRows][kWide];
  for (int r = 0; r < kRows; ++r)
    for (int i = 0; i < kWide; ++i) acc[r][i] = zero();
  for (int t = 0; t < v.n; ++t) {
    const std::byte* tile = v.tile[t];
    const std::byte* ahead = v.ahead[t] ? v.ahead[t] : tile;
    const int n = n_keys - t * kKvBlock < kKvBlock ? n_keys - t * kKvBlock : kKvBlock;
    const float* w = weights + t * kKvBlock;
    for (int key = 0; key < n; ++key) {
      prefetch_kv<kType, kAhead>(ahead, key * head_dim + d, kWide * kLanes);
      F32 x[kWide];
      for (int i = 0; i < kWide; ++i) x[i] = load_kv<kType>(tile, key * head_dim + d + i * kLanes);
      for (int r = 0; r < kRows; ++r) {
        const F32 weight = set1(w[r * kSpan + key]);
        for (int i = 0; i < kWide; ++i) acc[r][i] = fma(weight, x[i], acc[r][i]);
      }
    }
  }
  // Adding zero makes +0 of a sum that came out as -0, as merging does.
  for (int r = 0; r < kRows; ++r)
    for (int i = 0; i < kWide; ++i) store(values + r * head_dim + d + i * kLanes, add(acc[r][i], zero()));
}

// The state of one span alone. q: scaled queries as score_rows() has them; scores: [n_rows][kSpan].
template <KvType kType>
void attend_span(const AttentionTile& tile, int span, const float* q, float* scores, const AttentionState& state) {
  const int n_rows = tile.n_rows(), dim = tile.head_dim;
  const int end_of_keys = tile.end_of_keys();
  const int begin = span * kSpan;
  const int n_keys = end_of_keys - begin < kSpan ? end_of_keys - begin : kSpan;
  const int n_tiles = (n_keys + kKvBlock - 1) / kKvBlock;
  const auto block_of = [&](int i) {
    return tile.pool + static_cast<std::size_t>(tile.block_table[begin / kKvBlock + i]) * tile.block_bytes;
  };
  // The tiles in the order in which they are read: the span's keys, its values, the next span's keys.
  const auto tile_at = [&](int j) -> const std::byte* {
    if (j < n_tiles) return block_of(j) + tile.k_offset;
    if (j < 2 * n_tiles) return block_of(j - n_tiles) + tile.v_offset;
    const int i = j - n_tiles;
    return begin + i * kKvBlock < end_of_keys ? block_of(i) + tile.k_offset : nullptr;
  };
  const auto tiles_from = [&](int j) {
    SpanTiles tiles{n_tiles, {}, {}};
    for (int i = 0; i < n_tiles; ++i) {
      tiles.tile[i] = tile_at(j + i);
      tiles.ahead[i] = tile_at(j + i + kTilesAhead);
    }
    return tiles;
  };

  const SpanTiles k = tiles_from(0);
  for (int i = 0; i < n_tiles; ++i)
    in_chunks(n_rows, k.ahead[i], [&]<int kRows, bool kAhead>(int row) {
      score_rows<kType, kRows, kAhead>(k.tile[i], k.ahead[i], q + row * kLanes, n_rows, dim,
                                       scores + row * kSpan + i * kKvBlock);
    });

  const int n = n_tiles * kKvBlock;
  for (int row = 0; row < n_rows; ++row) finish_scores(tile, row, begin, n, scores + row * kSpan);
  int row = 0;
  for (; row + kSoftmaxRows <= n_rows; row += kSoftmaxRows)
    softmax_rows<kSoftmaxRows>(scores + row * kSpan, n, state.maxima + row, state.sums + row);
  for (; row < n_rows; ++row) softmax_rows<1>(scores + row * kSpan, n, state.maxima + row, state.sums + row);
  for (row = 0; row < n_rows; ++row) {
    if (state.maxima[row] != kNegInfinity) continue;
    const Visible keys = visible_keys(tile, tile.first_position + row / tile.group, begin);
    if (keys.visible <= keys.hidden || keys.hidden >= n) continue;
    state.maxima[row] = 0;  // no such span is empty: none of its visible keys has a finite score
    state.sums[row] = __builtin_nanf("");
  }

  const SpanTiles v = tiles_from(n_tiles);
  if constexpr (kType == KvType::i8)
    for (int i = 0; i < n; i += kLanes) {
      const F32 scale = load(kv_scales(v.tile[i / kKvBlock], dim) + i % kKvBlock);
      for (row = 0; row < n_rows; ++row) store(scores + row * kSpan + i, mul(load(scores + row * kSpan + i), scale));
    }
  in_chunks(n_rows, v.ahead[0], [&]<int kRows, bool kAhead>(int first) {
    const auto sum = [&]<int kWide>(int d) {
      sum_values<kType, kRows, kWide, kAhead>(v, n_keys, scores + first * kSpan, dim, d, state.values + first * dim);
      return d + kWide * kLanes;
    };
    int d = 0;
    if constexpr (kRows * 4 + 4 <= kRegisters)
      while (d + 4 * kLanes <= dim) d = sum.template operator()<4>(d);
    while (d + 2 * kLanes <= dim) d = sum.template operator()<2>(d);
    if (d < dim) sum.template operator()<1>(d);
  });
}

}  // namespace

void merge_attention(const AttentionState& into, const AttentionState& later, int n_rows, int head_dim) {
  for (int first = 0; first < n_rows; first += kLanes) {
    const int n = n_rows - first < kLanes ? n_rows - first : kLanes;
    float a[kLanes], b[kLanes], keep[kLanes], weight[kLanes], peak[kLanes];
    for (int i = 0; i < kLanes; ++i) {
      a[i] = i < n ? into.maxima[first + i] : 0;
      b[i] = i < n ? later.maxima[first + i] : 0;
    }
    const F32 largest = max(load(a), load(b));
    store(peak, largest);
    store(keep, exp(sub(load(a), largest)));
    store(weight, exp(sub(load(b), largest)));
    for (int i = 0; i < n; ++i) {
      if (b[i] == kNegInfinity) continue;
      const int row = first + i;
      into.maxima[row] = peak[i];
      into.sums[row] = into.sums[row] * keep[i] + later.sums[row] * weight[i];
      float* to = into.values + row * head_dim;
      const float* from = later.values + row * head_dim;
      for (int d = 0; d < head_dim; d += kLanes)
        store(to + d, fma(load(to + d), set1(keep[i]), mul(load(from + d), set1(weight[i]))));
    }
  }
}

void attend(const AttentionTile& tile, int first_span, int last_span, const AttentionState& state, float* scratch) {
  const int n_rows = tile.n_rows(), dim = tile.head_dim;
  float* q = scratch;
  float* scores = q + n_rows * dim;
  const AttentionState span_state{scores + n_rows * kSpan, scores + n_rows * (kSpan + dim),
                                  scores + n_rows * (kSpan + dim + 1)};
  for (int row = 0; row < n_rows; ++row) {
    const float* from = tile.q + row / tile.group * tile.q_stride + row % tile.group * dim;
    for (int d = 0; d < dim; d += kLanes) store(q + d * n_rows + row * kLanes, mul(load(from + d), set1(tile.scale)));
    state.maxima[row] = kNegInfinity;
  }
  const auto attend_one = [&](int span, const AttentionState& to) {
    if (tile.kv_type == KvType::f32)
      attend_span<KvType::f32>(tile, span, q, scores, to);
    else if (tile.kv_type == KvType::i8)
      attend_span<KvType::i8>(tile, span, q, scores, to);
    else
      attend_span<KvType::f16>(tile, span, q, scores, to);
  };
  if (first_span < last_span) attend_one(first_span, state);
  for (int row = 0; row < n_rows; ++row)
    if (state.maxima[row] == kNegInfinity) {  // no key so far, or hidden ones only, whose values do not count
      state.sums[row] = 0;
      for (int d = 0; d < dim; d += kLanes) store(state.values + row * dim + d, zero());
    }
  for (int span = first_span + 1; span < last_span; ++span) {
    attend_one(span, span_state);
    merge_attention(state, span_state, n_rows, dim);
  }
}

}  // namespace llmagentos::LLMAGENTOS_ISA
