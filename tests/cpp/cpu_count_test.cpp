#include "base/cpu_count.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

#include "check.h"

namespace {

// A folder of made-up control groups, removed with the object.
struct FakeCgroups {
  std::filesystem::path root;

  FakeCgroups() {
    std::string name = (std::filesystem::temp_directory_path() / "llmagentos-cgroup-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
    root = name;
  }
  ~FakeCgroups() { std::filesystem::remove_all(root); }

  void write(const std::string& file, const std::string& text) const {
    std::filesystem::create_directories((root / file).parent_path());
    std::ofstream(root / file) << text;
  }
  double quota() const { return llmagentos::cgroup_cpu_quota(root.string(), (root / "membership").string()); }
  int usable() const { return llmagentos::usable_cpus(root.string(), (root / "membership").string()); }
};

}  // namespace

TEST(cgroup_v2_quotas_are_read_up_to_the_root) {
  const FakeCgroups groups;
  CHECK(std::isinf(groups.quota()));  // nothing to read
  groups.write("membership", "0::/app/service\n");
  groups.write("app/service/cpu.max", "max 100000\n");
  CHECK(std::isinf(groups.quota()));
  groups.write("app/cpu.max", "150000 100000\n");
  CHECK(groups.quota() == 1.5);
  groups.write("app/service/cpu.max", "50000 100000\n");
  CHECK(groups.quota() == 0.5);
  CHECK(groups.usable() == 1);
  groups.write("cpu.max", "10000 100000\n");
  CHECK(groups.quota() == 0.1);
  CHECK(groups.usable() == 1);
}

TEST(cgroup_v1_quotas_are_found_by_either_mount_name) {
  const FakeCgroups groups;
  groups.write("membership", "5:memory:/x\n4:cpu,cpuacct:/docker/abc\n");
  groups.write("cpu/cpu.cfs_quota_us", "-1\n");
  groups.write("cpu/cpu.cfs_period_us", "100000\n");
  CHECK(std::isinf(groups.quota()));
  // As seen in a container: the path is the host's, the quota stands at the mount's root.
  groups.write("cpu,cpuacct/cpu.cfs_quota_us", "250000\n");
  groups.write("cpu,cpuacct/cpu.cfs_period_us", "100000\n");
  CHECK(groups.quota() == 2.5);
  CHECK(groups.usable() == std::min(3, llmagentos::affinity_cpus()));
}

TEST(malformed_cgroup_files_limit_nothing) {
  const FakeCgroups groups;
  groups.write("membership", "no colons\n0::\n:\n0::/\n");
  for (const char* text : {"", "abc def", "100000", "-5 100000", "100000 0"}) {
    groups.write("cpu.max", text);
    CHECK(std::isinf(groups.quota()));
    CHECK(groups.usable() == llmagentos::affinity_cpus());
  }
}

TEST_MAIN
