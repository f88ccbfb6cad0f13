#include "runtime/sampler.h"

#include <array>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/thread_pool.h"
#include "check.h"
#include "runtime/sampler_random.h"

using llmagentos::Error;
using llmagentos::InvalidArgument;
using llmagentos::Sampled;
using llmagentos::SamplerRow;
using llmagentos::ThreadPool;

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

std::vector<float> random_logits(std::size_t n, unsigned seed, float scale = 3.0f) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal(0, scale);
  std::vector<float> logits(n);
  for (float& logit : logits) logit = normal(generator);
  return logits;
}

Sampled sample_one(const std::vector<float>& logits, const SamplerRow& row) {
  const SamplerRow* const rows[] = {&row};
  return llmagentos::sample(logits.data(), logits.size(), rows, nullptr).at(0);
}

std::vector<float> distribution(const std::vector<float>& logits, const SamplerRow& row) {
  std::vector<float> out(logits.size(), -1.0f);
  llmagentos::probabilities(logits.data(), logits.size(), row, out.data());
  return out;
}

bool same(const Sampled& a, const Sampled& b) {
  return a.token_id == b.token_id && a.logprob == b.logprob && a.top == b.top;
}

}  // namespace

// The known answers published with Random123 (kat_vectors).
TEST(philox_gives_the_published_words) {
  using Words = std::array<std::uint32_t, 4>;
  CHECK(llmagentos::philox4x32_10({0, 0, 0, 0}, {0, 0}) == (Words{0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u}));
  CHECK(llmagentos::philox4x32_10({~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}) ==
        (Words{0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu}));
  CHECK(llmagentos::philox4x32_10({0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u}, {0xa4093822u, 0x299f31d0u}) ==
        (Words{0xd16cfe09u, 0x94fdcceb, 0x5001e420u, 0x24126ea1u}));
}

TEST(every_bit_of_seed_and_index_changes_the_number) {
  const double base = llmagentos::uniform_for_token(5, 9);
  for (int bit = 0; bit < 64; ++bit) {
    CHECK(llmagentos::uniform_for_token(5 ^ (std::uint64_t{1} << bit), 9) != base);
    CHECK(llmagentos::uniform_for_token(5, 9 ^ (std::uint64_t{1} << bit)) != base);
  }
}

TEST(rows_do_not_depend_on_batch_or_threads) {
  const std::size_t vocab = 3001;  // not a whole number of blocks
  const std::vector<std::uint32_t> mask((vocab + 31) / 32, 0x00f00000u);
  std::vector<SamplerRow> settings(12);
  for (std::size_t i = 0; i < settings.size(); ++i) {
    settings[i].seed = 100 + i;
    settings[i].token_index = 7 * i;
    settings[i].logprobs = 4;
  }
  settings[1].temperature = 0;
  settings[2].top_k = 10;
  settings[3].top_p = 0.8f;
  settings[4].min_p = 0.02f;
  settings[5].repetition_penalty = 1.3f;
  settings[5].prompt_ids = {1, 2, 3};
  settings[6].frequency_penalty = 0.4f;
  settings[6].output_ids = {9, 9, 8};
  settings[7].temperature = 1.7f;
  settings[8].typical_p = 0.7f;
  settings[9].allowed = mask;
  settings[10].dry_multiplier = 0.8f;
  settings[10].prompt_ids = {1, 2, 3, 1, 2};
  settings[11].min_tokens = 100;
  settings[11].end_ids = {0, 5, 3000};
  std::vector<const SamplerRow*> rows;
  std::vector<float> logits;
  for (std::size_t i = 0; i < settings.size(); ++i) {
    rows.push_back(&settings[i]);
    const std::vector<float> row = random_logits(vocab, static_cast<unsigned>(i));
    logits.insert(logits.end(), row.begin(), row.end());
  }
  ThreadPool two(2);
  ThreadPool five(5);
  for (ThreadPool* pool : {static_cast<ThreadPool*>(nullptr), &two, &five}) {
    const std::vector<Sampled> together = llmagentos::sample(logits.data(), vocab, rows, pool);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const SamplerRow* const alone[] = {rows[i]};
      CHECK(same(together[i], llmagentos::sample(logits.data() + i * vocab, vocab, alone, pool).at(0)));
    }
  }
}

TEST(sequences_that_read_one_row_get_what_it_gives_alone) {
  const std::size_t vocab = 3001;
  const std::vector<float> logits = random_logits(3 * vocab, 4);
  std::vector<SamplerRow> settings(6);
  for (std::size_t i = 0; i < settings.size(); ++i) {
    settings[i].seed = i;
    settings[i].logprobs = 2;
    settings[i].logit_bias = {{7, static_cast<float>(i)}};
  }
  std::vector<const SamplerRow*> rows;
  for (const SamplerRow& row : settings) rows.push_back(&row);
  const std::vector<std::int32_t> read = {2, 0, 0, 1, 2, 0};
  ThreadPool pool(3);
  const std::vector<Sampled> together = llmagentos::sample(logits.data(), vocab, rows, &pool, read);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto begin = logits.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(read[i]) * vocab);
    CHECK(same(together[i], sample_one({begin, begin + static_cast<std::ptrdiff_t>(vocab)}, settings[i])));
  }
}

// What is forbidden might as well be at -infinity, to the bit, wherever it lies in a block.
TEST(a_mask_is_as_good_as_logits_of_minus_infinity) {
  std::mt19937 generator(7);
  for (const std::size_t vocab :
       {std::size_t{1}, std::size_t{63}, std::size_t{64}, std::size_t{65}, std::size_t{3001}}) {
    for (const std::uint32_t density : {0u, 1u, 2u, 3u}) {  // of words that are all, or partly, or not allowed
      std::vector<std::uint32_t> mask((vocab + 31) / 32);
      for (std::uint32_t& word : mask) {
        word = generator() % 4 < density ? (generator() % 2 != 0 ? ~0u : static_cast<std::uint32_t>(generator())) : 0;
      }
      mask[0] |= 1;
      const std::vector<float> logits = random_logits(vocab, density);
      std::vector<float> forbidden = logits;
      for (std::size_t id = 0; id < vocab; ++id) {
        if (!llmagentos::has_token(mask, id)) forbidden[id] = -kInfinity;
      }
      for (int filter = 0; filter < 5; ++filter) {
        SamplerRow row;
        row.seed = static_cast<std::uint64_t>(filter) + 10 * density;
        if (filter == 1) row.top_k = 7;
        if (filter == 2) row.top_p = 0.9f;
        if (filter == 3) row.typical_p = 0.9f;
        if (filter == 4) row.frequency_penalty = 0.5f;
        row.output_ids = {0, 0};
        const std::vector<float> expected = distribution(forbidden, row);
        const std::int32_t token = sample_one(forbidden, row).token_id;
        row.allowed = mask;
        CHECK(distribution(logits, row) == expected);
        CHECK(sample_one(logits, row).token_id == token);
      }
    }
  }
}

TEST(draws_have_the_distributions_frequencies) {
  const std::vector<float> logits = {0.5f, -1.0f, 2.0f, 0.0f, 1.0f, -kInfinity, 1.5f};
  SamplerRow row;
  row.top_p = 0.95f;
  for (const float temperature : {0.7f, 2.0f}) {
    row.temperature = temperature;
    const std::vector<float> expected = distribution(logits, row);
    std::vector<int> counts(logits.size(), 0);
    const int draws = 20000;
    for (int i = 0; i < draws; ++i) {
      row.seed = static_cast<std::uint64_t>(i) * 7919;
      ++counts[static_cast<std::size_t>(sample_one(logits, row).token_id)];
    }
    double chi_square = 0;
    for (std::size_t id = 0; id < logits.size(); ++id) {
      if (expected[id] == 0) {
        CHECK(counts[id] == 0);
        continue;
      }
      const double mean = draws * static_cast<double>(expected[id]);
      chi_square += (counts[id] - mean) * (counts[id] - mean) / mean;
    }
    CHECK(chi_square < 22.5);  // 6 degrees of freedom: one in a thousand by chance, and the seeds are fixed
  }
}

TEST(unusable_logits_are_errors_that_say_why) {
  SamplerRow greedy;
  greedy.temperature = 0;
  SamplerRow filtered;
  filtered.top_k = 3;
  const auto message = [](const std::vector<float>& logits, const SamplerRow& row) -> std::string {
    try {
      sample_one(logits, row);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  for (const SamplerRow& row : {SamplerRow(), greedy, filtered}) {
    for (const float nan : {kNan, -kNan}) {
      std::vector<float> logits(200, 0.25f);
      logits[150] = nan;
      CHECK(message(logits, row).find("token 150 is NaN") != std::string::npos);
    }
    CHECK(message({1, kInfinity, 2}, row).find("token 1 is +infinity") != std::string::npos);
    CHECK(message({-kInfinity, -kInfinity}, row).find("every token is forbidden") != std::string::npos);
  }
}

TEST(the_first_bad_row_is_named_whatever_the_threads) {
  ThreadPool pool(3);
  std::vector<float> logits(5 * 4, 0.0f);
  logits[2 * 4 + 1] = kNan;
  logits[4 * 4] = kNan;
  const SamplerRow row;
  const std::vector<const SamplerRow*> rows(5, &row);
  for (int repeat = 0; repeat < 20; ++repeat) {
    std::string message;
    try {
      llmagentos::sample(logits.data(), 4, rows, &pool);
    } catch (const Error& error) {
      message = error.what();
    }
    CHECK(message.rfind("row 2: ", 0) == 0);
  }
}

TEST(settings_outside_their_domain_are_errors) {
  const std::vector<float> logits(10, 0.0f);
  const auto rejects = [&](auto change) {
    SamplerRow row;
    change(row);
    CHECK_THROWS(InvalidArgument, sample_one(logits, row));
    CHECK_THROWS(InvalidArgument, distribution(logits, row));
  };
  for (const float bad : {-1.0f, kNan, kInfinity}) {
    rejects([&](SamplerRow& row) { row.temperature = bad; });
    rejects([&](SamplerRow& row) { row.top_p = bad; });
    rejects([&](SamplerRow& row) { row.min_p = bad; });
    rejects([&](SamplerRow& row) { row.typical_p = bad; });
    rejects([&](SamplerRow& row) { row.dry_multiplier = bad; });
    rejects([&](SamplerRow& row) { row.dry_base = bad; });
    rejects([&](SamplerRow& row) { row.repetition_penalty = bad; });
  }
  rejects([](SamplerRow& row) { row.presence_penalty = kNan; });
  rejects([](SamplerRow& row) { row.frequency_penalty = kInfinity; });
  rejects([](SamplerRow& row) { row.dry_allowed_length = 0; });
  rejects([](SamplerRow& row) { row.logprobs = -1; });
  const std::vector<std::uint32_t> words(2, ~0u);
  rejects([&](SamplerRow& row) { row.allowed = words; });
  rejects([&](SamplerRow& row) { row.allowed = llmagentos::TokenBits(); });
  rejects([](SamplerRow& row) { row.logit_bias = {{3, kInfinity}}; });
  rejects([](SamplerRow& row) { row.logit_bias = {{3, kNan}}; });
  for (const std::int32_t outside : {-1, 10}) {
    rejects([&](SamplerRow& row) { row.logit_bias = {{outside, 1.0f}}; });
    rejects([&](SamplerRow& row) {
      row.repetition_penalty = 2;
      row.prompt_ids = {outside};
    });
    rejects([&](SamplerRow& row) {
      row.presence_penalty = 1;
      row.output_ids = {outside};
    });
    rejects([&](SamplerRow& row) {
      row.dry_multiplier = 1;
      row.prompt_ids = {outside};
    });
    rejects([&](SamplerRow& row) {
      row.min_tokens = 1;
      row.end_ids = {outside};
    });
  }
}

TEST(extreme_settings_and_logits_give_a_token) {
  const float lowest = std::numeric_limits<float>::lowest();
  const float largest = std::numeric_limits<float>::max();
  const float tiny = std::numeric_limits<float>::denorm_min();
  const std::vector<std::vector<float>> rows = {{0.0f},
                                                {lowest, largest},
                                                {lowest, lowest, -kInfinity},
                                                {largest, largest},
                                                {tiny, -tiny, 0.0f, -0.0f},
                                                random_logits(129, 3)};
  for (const std::vector<float>& logits : rows) {
    for (const float temperature : {tiny, 1e-6f, 1.0f, largest}) {
      for (const std::int64_t top_k : {std::int64_t{-1}, std::int64_t{1}, std::numeric_limits<std::int64_t>::max()}) {
        for (const float top_p : {0.0f, tiny, std::nextafter(1.0f, 0.0f), 1.0f}) {
          for (const auto& [min_p, typical_p] : {std::pair{0.0f, 1.0f},
                                                 {tiny, 1.0f},
                                                 {1.0f, 0.5f},
                                                 {0.0f, 0.0f},
                                                 {0.0f, tiny},
                                                 {0.0f, std::nextafter(1.0f, 0.0f)}}) {
            SamplerRow row;
            row.typical_p = typical_p;
            row.temperature = temperature;
            row.top_k = top_k;
            row.top_p = top_p;
            row.min_p = min_p;
            row.logprobs = std::numeric_limits<std::int64_t>::max();
            const auto id = static_cast<std::size_t>(sample_one(logits, row).token_id);
            CHECK(id < logits.size() && logits[id] != -kInfinity);
            double sum = 0;
            for (const float p : distribution(logits, row)) sum += static_cast<double>(p);
            CHECK(std::fabs(sum - 1) < 1e-5);
          }
        }
      }
    }
  }
}

TEST(continuations_of_extreme_logits_are_in_order) {
  const float largest = std::numeric_limits<float>::max();
  for (const std::vector<float>& logits : {std::vector<float>{0.0f},
                                           {largest, -largest, -kInfinity},
                                           random_logits(129, 3),
                                           random_logits(64, 4, 1e30f)}) {
    for (const float penalty : {0.01f, 1.0f, 100.0f}) {
      SamplerRow row;
      row.repetition_penalty = penalty;
      row.no_repeat_ngram_size = 2;  // forbids token 0, unless it is all there is
      row.prompt_ids = {0, 0, 0};
      const SamplerRow* const rows[] = {&row};
      const std::int64_t counts[] = {std::numeric_limits<std::int64_t>::max()};
      const auto found = llmagentos::continuations(logits.data(), logits.size(), rows, counts, nullptr).at(0).best;
      CHECK(!found.empty() && found.size() <= logits.size());
      for (std::size_t i = 0; i < found.size(); ++i) {
        CHECK(found[i].score > -static_cast<double>(kInfinity) && found[i].score <= 0);
        CHECK(i == 0 || found[i].score <= found[i - 1].score);
        CHECK(logits.size() == 1 || found[i].token_id != 0);
      }
    }
  }
}

TEST(an_empty_vocabulary_is_an_error_and_no_rows_are_not) {
  const SamplerRow row;
  const SamplerRow* const rows[] = {&row};
  CHECK_THROWS(InvalidArgument, llmagentos::sample(nullptr, 0, rows, nullptr));
  CHECK(llmagentos::sample(nullptr, 5, {}, nullptr).empty());
}

TEST(drafts_are_verified_as_tokens_are_sampled_one_by_one) {
  constexpr std::size_t kVocab = 300, kTokens = 6;
  const std::vector<float> logits = random_logits(kVocab * kTokens, 7, 1.0f);
  SamplerRow row;
  row.seed = 5;
  row.token_index = 3;
  row.frequency_penalty = 2.0f;
  row.output_ids = {1, 2, 3};
  row.logprobs = 2;
  std::vector<Sampled> expected;
  std::vector<std::int32_t> right;
  SamplerRow growing = row;
  for (std::size_t i = 0; i < kTokens; ++i) {
    expected.push_back(sample_one({&logits[i * kVocab], &logits[i * kVocab] + kVocab}, growing));
    right.push_back(expected.back().token_id);
    growing.output_ids.push_back(right.back());
    ++growing.token_index;
  }
  ThreadPool pool(2);
  const SamplerRow* const rows[] = {&row, &row};
  for (std::size_t n_right = 0; n_right < kTokens; ++n_right) {
    std::vector<std::int32_t> drafts(right.begin(), right.end() - 1);
    if (n_right < drafts.size()) drafts[n_right] = (drafts[n_right] + 1) % static_cast<std::int32_t>(kVocab);
    const llmagentos::Drafts both[] = {{0, drafts}, {0, {}}};
    const auto found = llmagentos::verify(logits.data(), kVocab, rows, both, &pool);
    CHECK(found[0].size() == n_right + 1);
    for (std::size_t i = 0; i < found[0].size(); ++i) CHECK(same(found[0][i], expected[i]));
    CHECK(found[1].size() == 1 && same(found[1][0], expected[0]));
  }
}

TEST_MAIN
