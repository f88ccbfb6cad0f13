// The graph builder's checks, and that compilation fuses what it should and never lets live values overlap.
#include <algorithm>
#include <set>

#include "base/error.h"
#include "check.h"
#include "graph/plan.h"

using namespace llmagentos;
using namespace llmagentos::graph;

namespace {

RopeParams rope_of(std::size_t n_pairs) { return {std::vector<float>(n_pairs, 0.5f)}; }

// A decoder layer, with Gemma's extra norms where asked.
Graph decoder(int n_layers, bool post_norms) {
  Graph g;
  ValueId x = g.scale(g.embed("embed", 50, 64), 8.0f);
  for (int i = 0; i < n_layers; ++i) {
    const std::string name = "layer" + std::to_string(i) + ".";
    const RopeParams rope = rope_of(8);
    const ValueId h = g.rms_norm(x, name + "norm", 1e-6f);
    const ValueId q = g.rope(g.rms_norm(g.linear(h, name + "q", 64), name + "q_norm", 1e-6f, 16), 16, rope);
    const ValueId k = g.rope(g.linear(h, name + "k", 32), 16, rope);
    const ValueId v = g.linear(h, name + "v", 32);
    ValueId a = g.attention(q, k, v, {i, 4, 2, 16, 0.25f, 0, 0});
    a = g.linear(a, name + "o", 64);
    x = g.add(x, post_norms ? g.rms_norm(a, name + "post", 1e-6f) : a);
    const ValueId f = g.rms_norm(x, name + "ffn_norm", 1e-6f);
    const ValueId gated =
        g.glu(g.linear(f, name + "gate", 96), g.linear(f, name + "up", 96), kernels::ActivationKind::silu);
    ValueId d = g.linear(gated, name + "down", 64);
    x = g.add(x, post_norms ? g.rms_norm(d, name + "post_ffn", 1e-6f) : d);
  }
  g.set_output(g.linear(g.rms_norm(g.select_rows(x), "norm", 1e-6f), "embed", 50));
  return g;
}

struct Life {
  int born = 1 << 30, last = -1;
};

void check_no_overlap(const Plan& plan) {
  std::vector<Life> lives(plan.values.size());
  const auto touch = [&](ValueId v, int step) {
    Life& life = lives[static_cast<std::size_t>(v)];
    life.born = std::min(life.born, step);
    life.last = std::max(life.last, step);
  };
  for (int i = 0; i < static_cast<int>(plan.steps.size()); ++i) {
    const Step& step = plan.steps[static_cast<std::size_t>(i)];
    if (const auto* linear = std::get_if<LinearStep>(&step)) {
      touch(linear->input.value, i);
      if (linear->residual >= 0) touch(linear->residual, i);
      if (linear->output >= 0)
        touch(linear->output, i);
      else
        for (const auto& product : linear->products) touch(product.output, i);
    } else if (const auto* attention = std::get_if<AttentionStep>(&step)) {
      for (const ValueId v : {attention->q, attention->k, attention->v, attention->output})
        if (v != kNone) touch(v, i);
    } else if (const auto* moe = std::get_if<MoeStep>(&step)) {
      for (const ValueId v : {moe->input.value, moe->logits, moe->residual, moe->output})
        if (v != kNone) touch(v, i);
    } else {
      for (const ValueId v : std::get<RowStep>(step).inputs) touch(v, i);
      touch(std::get<RowStep>(step).output, i);
    }
  }
  for (std::size_t a = 0; a < lives.size(); ++a)
    for (std::size_t b = a + 1; b < lives.size(); ++b) {
      const auto is_placed = [&](std::size_t v) {
        return lives[v].last >= 0 && static_cast<ValueId>(v) != plan.output;
      };
      if (!is_placed(a) || !is_placed(b)) continue;
      const bool together = lives[a].born <= lives[b].last && lives[b].born <= lives[a].last;
      const bool overlap = plan.offsets[a] < plan.offsets[b] + plan.values[b].width &&
                           plan.offsets[b] < plan.offsets[a] + plan.values[a].width;
      CHECK(!(together && overlap));
      CHECK(plan.offsets[a] >= 0 && plan.offsets[a] + plan.values[a].width <= plan.arena_width);
    }
}

}  // namespace

TEST(a_decoder_layer_fuses_to_five_steps) {
  // embed, then per layer qkv, attention, o, gate-up, down; then select_rows and the head.
  CHECK(compile(decoder(2, false)).steps.size() == 1 + 2 * 5 + 2);
}

TEST(post_norms_cost_a_step_each) { CHECK(compile(decoder(1, true)).steps.size() == 1 + 7 + 2); }

TEST(without_fusion_each_node_is_a_step) {
  const Graph g = decoder(2, true);
  CHECK(compile(g, false).steps.size() == g.nodes().size());
}

TEST(live_values_never_share_memory) {
  for (const bool fuse : {false, true})
    for (const bool post_norms : {false, true}) check_no_overlap(compile(decoder(3, post_norms), fuse));
}

TEST(heads_with_another_reader_are_not_changed_in_place) {
  const RopeParams rope = rope_of(8);
  // K and V share a projection; q and k share one; q is read again after the attention.
  for (const int kind : {0, 1, 2}) {
    Graph g;
    const ValueId x = g.embed("embed", 10, 32);
    const ValueId a = g.linear(x, "a", 32), b = kind == 1 ? a : g.linear(x, "b", 32);
    const ValueId v = kind == 0 ? b : g.linear(x, "v", 32);
    ValueId y = g.attention(g.rope(a, 16, rope), g.rope(b, 16, rope), v, {0, 2, 2, 16, 1.0f, 0, 0});
    if (kind == 2) y = g.add(y, a);
    g.set_output(g.linear(g.select_rows(y), "embed", 10));
    const Plan plan = compile(g);
    for (const Step& step : plan.steps) {
      const auto* attention = std::get_if<AttentionStep>(&step);
      if (!attention) continue;
      CHECK((attention->q_rope >= 0) == (kind == 0));
      CHECK((attention->k_rope >= 0) == (kind == 2));
    }
    check_no_overlap(plan);
  }
}

TEST(a_weight_is_a_vector_or_a_matrix) {
  Graph g;
  const ValueId x = g.embed("embed", 10, 32);
  g.rms_norm(x, "w", 1e-6f);
  CHECK_THROWS(InvalidArgument, g.linear(x, "w", 1));
}

TEST(a_tied_head_is_one_weight) {
  const Graph g = decoder(1, false);
  std::set<std::string> names;
  for (const WeightSpec& weight : g.weights()) CHECK(names.insert(weight.name).second);
}

TEST(shapes_that_do_not_fit_are_refused) {
  Graph g;
  const ValueId x = g.embed("embed", 10, 32);
  CHECK_THROWS(InvalidArgument, g.add(x, g.linear(x, "w", 16)));
  CHECK_THROWS(InvalidArgument, g.rms_norm(x, "n", 1e-6f, 5));
  CHECK_THROWS(InvalidArgument, g.rope(x, 32, rope_of(17)));
  CHECK_THROWS(InvalidArgument, g.rope(x, 32, rope_of(0)));
  CHECK_THROWS(InvalidArgument, g.attention(x, x, x, {0, 3, 2, 16, 1.0f, 0, 0}));
  CHECK_THROWS(InvalidArgument, g.attention(x, x, x, {0, 1, 1, 512, 1.0f, 0, 0}));
  CHECK_THROWS(InvalidArgument, g.rope(x, 32, {std::vector<float>(8, 0.5f), 1.0f, kernels::RopePairs::halves, 17}));
  CHECK_THROWS(InvalidArgument, g.linear(99, "w2", 8));
  CHECK_THROWS(InvalidArgument, g.scale_by_position(x, 0, 0.1f));
  CHECK_THROWS(InvalidArgument, g.scale_by_position(x, 8, 0.1f, 2));
  CHECK_THROWS(InvalidArgument, g.slice_heads(x, {.n_heads = 2, .first = 8, .n = 9, .size = 16}));
  CHECK_THROWS(InvalidArgument, g.slice_heads(x, {.n_heads = 2, .first = 0, .n = 8, .size = 16}, x));
  CHECK_THROWS(InvalidArgument, g.attention(x, kNone, kNone, {0, 2, 2, 16, 1.0f, 0, 0}));
  CHECK_THROWS(InvalidArgument, g.scale_columns(x, ""));
  CHECK_THROWS(InvalidArgument, g.mix(x, 3, {1, 1, 1}));
  CHECK_THROWS(InvalidArgument, g.mix(x, 2, {}));
  CHECK_THROWS(InvalidArgument, g.mix(x, 2, {1, 1, 1}));
  CHECK_THROWS(InvalidArgument, g.mix(x, 2, {1, 1}, x));
  CHECK_THROWS(InvalidArgument, g.mix(x, 2, {1, 1}, kNone, x));  // the sum is 16 wide
  CHECK_THROWS(InvalidArgument, g.match_rms(x, g.linear(x, "w", 16), 1e-5f));
  CHECK_THROWS(InvalidArgument, g.match_rms(x, x, 0));
  CHECK_THROWS(InvalidArgument, g.linear(g.select_rows(x), "w", 99));  // "w" is [16, 32]
  CHECK_THROWS(InvalidArgument, g.set_output(x));
  CHECK_THROWS(InvalidArgument, compile(g));
}

TEST_MAIN

TEST(biases_and_activations_fuse_into_their_products) {
  Graph g;
  const ValueId x = g.embed("embed", 10, 32);
  const ValueId h = g.layer_norm(x, "norm", "norm.bias", 1e-5f);
  const ValueId up = g.activation(g.linear(h, "up", 64, "up.bias"), kernels::ActivationKind::gelu);
  const ValueId y = g.add(x, g.linear(up, "down", 32, "down.bias"));
  g.set_output(g.linear(g.select_rows(y), "embed", 10));
  const Plan plan = compile(g);
  CHECK(plan.steps.size() == 1 + 2 + 2);
  const auto& first = std::get<LinearStep>(plan.steps[1]);
  CHECK(first.input.norm && first.input.norm->kind == NormKind::layer && first.input.norm->bias != kNone);
  CHECK(first.products[0].bias != kNone && first.products[0].activation == kernels::ActivationKind::gelu);
  CHECK(std::get<LinearStep>(plan.steps[2]).residual == x);
  check_no_overlap(plan);
}

TEST(a_layer_of_experts_fuses_to_the_router_and_a_step) {
  for (const bool is_read_elsewhere : {false, true}) {
    Graph g;
    const ValueId x = g.embed("embed", 10, 32);
    const ValueId h = g.rms_norm(x, "norm", 1e-6f);
    MoeParams params;
    params.routing = {.n_experts = 4, .n_used = 2};
    params.hidden = 64;
    const ValueId sum = g.moe(h, g.linear(h, "router", 4), {"gate", "up", "down"}, params);
    ValueId y = g.add(x, sum);
    if (is_read_elsewhere) y = g.add(y, g.scale_rows(h, g.linear(h, "factor", 1)));
    g.set_output(g.linear(g.select_rows(y), "embed", 10));
    const Plan plan = compile(g);
    CHECK(plan.steps.size() == (is_read_elsewhere ? 8 : 5));
    for (const Step& step : plan.steps) {
      const auto* moe = std::get_if<MoeStep>(&step);
      if (!moe) continue;
      CHECK(moe->residual == x);
      CHECK(moe->input.norm.has_value() == !is_read_elsewhere);
      CHECK(moe->input.value == (is_read_elsewhere ? h : x));
    }
    check_no_overlap(plan);
    check_no_overlap(compile(g, false));
  }
}

TEST(experts_that_do_not_fit_are_refused) {
  Graph g;
  const ValueId x = g.embed("embed", 10, 32);
  const MoeNames names{"gate", "up", "down"};
  MoeParams params;
  params.hidden = 64;
  params.routing = {.n_experts = 4, .n_used = 5};
  CHECK_THROWS(InvalidArgument, g.moe(x, g.linear(x, "router", 4), names, params));
  params.routing = {.n_experts = 8, .n_used = 2};
  CHECK_THROWS(InvalidArgument, g.moe(x, g.linear(x, "router", 4), names, params));
  params.routing = {.n_experts = 4, .n_used = 3, .n_groups = 2, .n_groups_used = 1};
  CHECK_THROWS(InvalidArgument, g.moe(x, g.linear(x, "router", 4), names, params));
  params.routing = {.n_experts = 4, .n_used = 2};
  params.hidden = 0;
  CHECK_THROWS(InvalidArgument, g.moe(x, g.linear(x, "router", 4), names, params));
  CHECK_THROWS(InvalidArgument, g.scale_rows(x, x));
}

TEST(an_encoder_is_a_program_of_its_own) {
  Graph g;
  g.begin_encoder();
  const ValueId e = g.embed("embed", 10, 32);
  const ValueId a = g.attention(g.linear(e, "eq", 32), g.linear(e, "ek", 32), g.linear(e, "ev", 32),
                                {.layer = 0, .n_heads = 2, .n_kv_heads = 2, .head_dim = 16, .keys = Keys::all});
  const AttentionParams cross{.layer = 0, .n_heads = 2, .n_kv_heads = 2, .head_dim = 16};
  for (const char* layer : {"0", "1"})
    g.store_cross(g.linear(a, std::string("ck") + layer, 32), g.linear(a, std::string("cv") + layer, 32), cross);
  g.begin_decoder();
  const ValueId x = g.embed("embed", 10, 32);
  CHECK_THROWS(InvalidArgument, g.add(x, a));  // values do not cross
  const ValueId y = g.cross_attention(g.linear(x, "q", 32), cross);
  g.set_output(g.linear(g.select_rows(y), "embed", 10));
  for (const bool fuse : {false, true}) {
    const Plan plan = compile(g, fuse);
    CHECK(plan.steps.size() == 5);
    // embed, q k v, attention, and for each layer its keys and values and their store.
    CHECK(plan.encoder_steps.size() == (fuse ? 3 + 2 * 2 : 5 + 2 * 3));
    std::multiset<ValueId> made;
    for (const Step& step : plan.encoder_steps)
      if (const auto* linear = std::get_if<LinearStep>(&step))
        for (const Product& product : linear->products) made.insert(product.output);
    CHECK(made.size() == 3 + 2 * 2);
    for (const ValueId value : made) CHECK(made.count(value) == 1);
    check_no_overlap(plan);
  }
}
