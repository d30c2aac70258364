/* Where a task's pages come from (facts 10, 3 "cpuset"). */
#include "test.h"
#include "test/world.h"

/* Three nodes of 256 pages, a CPU on each. */
static void open_world(struct world *w)
{
	world_open(w, (struct shape){ .pages = 768, .nodes = 3, .cpus = 3 });
}

static int node_of(const struct world *w, const struct page *page)
{
	return page ? page_zone(w->machine, page)->pgdat->node_id : -1;
}

static int node_of_new(const struct world *w, gfp_t gfp)
{
	return node_of(w, alloc_pages(gfp, 0));
}

TEST(by_default_pages_are_near)
{
	struct world w;

	open_world(&w);
	for (unsigned int cpu = 0; cpu < 3; cpu++) {
		world_on(&w, cpu, MM_TASK, 0);
		EXPECT_EQ(node_of_new(&w, GFP_KERNEL), cpu);
		EXPECT_EQ(set_mempolicy(MPOL_LOCAL, 0x1), MM_POLICY_OK);
		EXPECT_EQ(node_of_new(&w, GFP_KERNEL), cpu);
	}
	world_close(&w);
}

TEST(interleaved_pages_go_round_from_the_lowest_node)
{
	struct world w;

	open_world(&w);
	EXPECT_EQ(set_mempolicy(MPOL_INTERLEAVE, 0x6), MM_POLICY_OK);
	EXPECT_EQ(node_of_new(&w, GFP_KERNEL), 1);
	EXPECT_EQ(node_of_new(&w, GFP_KERNEL), 2);
	EXPECT_EQ(node_of_new(&w, GFP_KERNEL), 1);
	/* not for these: an interrupt, a node of its own, another task, a node by hand */
	EXPECT_EQ(node_of_new(&w, GFP_KERNEL | __GFP_THISNODE), 0);
	EXPECT_EQ(node_of(&w, alloc_pages_node(NUMA_NO_NODE, GFP_KERNEL, 0)), 0);
	world_on(&w, 0, MM_IRQ, 0);
	EXPECT_EQ(node_of_new(&w, GFP_ATOMIC), 0);
	world_on(&w, 1, MM_TASK, 0);
	EXPECT_EQ(node_of_new(&w, GFP_KERNEL), 1);
	world_on(&w, 0, MM_TASK, 0);
	EXPECT_EQ(node_of_new(&w, GFP_KERNEL), 2);
	EXPECT_EQ(set_mempolicy(MPOL_INTERLEAVE, 0x7), MM_POLICY_OK);
	EXPECT_EQ(node_of_new(&w, GFP_KERNEL), 0);
	world_close(&w);
}

TEST(preferred_is_the_first_node_and_others_when_it_is_full)
{
	struct world w;

	open_world(&w);
	EXPECT_EQ(set_mempolicy(MPOL_PREFERRED, 0x6), MM_POLICY_OK);
	EXPECT_EQ(node_of_new(&w, GFP_KERNEL), 1);
	while (alloc_pages_node(1, GFP_KERNEL | __GFP_THISNODE | __GFP_NORETRY, 0))
		;
	EXPECT(node_of_new(&w, GFP_KERNEL) != 1);
	EXPECT_EQ(set_mempolicy(MPOL_PREFERRED, 0), MM_POLICY_OK);
	EXPECT_EQ(w.machine->tasks[0].mode, MPOL_LOCAL);
	world_close(&w);
}

TEST(a_bound_task_gets_pages_of_its_nodes_only)
{
	struct world w;

	open_world(&w);
	EXPECT_EQ(set_mempolicy(MPOL_BIND, 0x4), MM_POLICY_OK);
	for (const struct page *page; (page = alloc_pages(GFP_KERNEL | __GFP_NORETRY, 0));)
		EXPECT_EQ(node_of(&w, page), 2);
	EXPECT_EQ(set_mempolicy(MPOL_DEFAULT, 0), MM_POLICY_OK);
	EXPECT_EQ(node_of_new(&w, GFP_KERNEL), 0);
	world_close(&w);
}

/* Policies govern the highest zone; lower ones are too precious to be refused. */
TEST(low_zones_are_not_bound)
{
	struct world w;

	world_open(&w, (struct shape){ .pages = 256, .nodes = 2, .dma_end = 64 });
	EXPECT_EQ(set_mempolicy(MPOL_BIND, 0x2), MM_POLICY_OK);
	EXPECT_EQ(node_of_new(&w, GFP_KERNEL), 1);
	EXPECT_EQ(node_of_new(&w, GFP_KERNEL | __GFP_DMA), 0);
	world_close(&w);
}

TEST(many_are_preferred_and_then_any)
{
	struct world w;

	open_world(&w);
	EXPECT_EQ(set_mempolicy(MPOL_PREFERRED_MANY, 0x6), MM_POLICY_OK);
	for (int page = 0; page < 2 * 248; page++)
		EXPECT(node_of_new(&w, GFP_KERNEL) != 0);
	while (node_of_new(&w, GFP_KERNEL) > 0)
		;
	EXPECT_EQ(node_of_new(&w, GFP_KERNEL), 0);
	world_close(&w);
}

TEST(a_mask_of_which_nothing_is_left_changes_nothing)
{
	struct world w;

	open_world(&w);
	EXPECT_EQ(set_mempolicy(MPOL_BIND, 0x2), MM_POLICY_OK);
	EXPECT_EQ(set_mempolicy(MPOL_INTERLEAVE, 0), MM_POLICY_NO_NODE);
	EXPECT_EQ(set_mempolicy(MPOL_BIND, 0x8), MM_POLICY_NO_NODE);
	EXPECT_EQ(cpuset_set_mems_allowed(0x8), MM_POLICY_NO_NODE);
	EXPECT_EQ(w.machine->tasks[0].mode, MPOL_BIND);
	EXPECT_EQ(w.machine->tasks[0].nodes, 0x2);
	EXPECT(!w.machine->cpusets);
	world_close(&w);
}

TEST(a_cpuset_keeps_a_task_in_and_nobody_else)
{
	struct world w;

	open_world(&w);
	EXPECT_EQ(cpuset_set_mems_allowed(0x2), MM_POLICY_OK);
	for (const struct page *page; (page = alloc_page(GFP_USER | __GFP_NORETRY));)
		EXPECT_EQ(node_of(&w, page), 1);
	/* a mask of its own: the cpuset is asked zone by zone */
	EXPECT(!__alloc_pages(GFP_USER | __GFP_NORETRY, 0, 0, &(nodemask_t){ 0x1 }));
	world_on(&w, 0, MM_IRQ, 0);
	EXPECT_EQ(node_of_new(&w, GFP_ATOMIC), 0);
	world_on(&w, 0, MM_TASK, MM_SCOPE_VICTIM);
	EXPECT(alloc_page(GFP_USER | __GFP_NORETRY));
	world_on(&w, 2, MM_TASK, 0);
	EXPECT_EQ(node_of_new(&w, GFP_USER), 2);
	world_close(&w);
}

TEST(bits_that_are_not_allowed_are_not_there)
{
	struct world w;

	open_world(&w);
	set_gfp_allowed_mask(~(__GFP_RECLAIM | __GFP_IO | __GFP_FS));
	world_on(&w, 0, MM_SOFTIRQ, 0);
	EXPECT(alloc_page(GFP_KERNEL));
	EXPECT_EQ(mm_current->warnings, 0); /* nobody waits */
	set_gfp_allowed_mask(~(gfp_t)0);
	EXPECT(alloc_page(GFP_KERNEL));
	EXPECT_EQ(mm_current->warnings, MM_WARN_SLEEP);
	world_close(&w);
}

TEST(what_was_refused_was_no_turn)
{
	struct world w;

	open_world(&w);
	EXPECT_EQ(set_mempolicy(MPOL_INTERLEAVE, 0x6), MM_POLICY_OK);
	EXPECT_EQ(node_of_new(&w, GFP_KERNEL), 1);
	EXPECT(!alloc_page(GFP_KERNEL | __GFP_MOVABLE | __GFP_RECLAIMABLE));
	EXPECT_EQ(node_of_new(&w, GFP_KERNEL), 2);
	/* a block that is not there was one: node 1 was asked */
	while (alloc_pages_node(NUMA_NO_NODE, GFP_KERNEL | __GFP_NORETRY, 0))
		;
	EXPECT(!alloc_page(GFP_KERNEL | __GFP_NORETRY));
	EXPECT_EQ(w.machine->tasks[0].il_prev, 1);
	world_close(&w);
}

/* Node 2 is Movable as a whole: only what may go there can be bound to it. */
TEST(nodes_that_are_movable_bind_movable_requests_only)
{
	struct world w;

	world_open(&w, (struct shape){ .pages = 768, .nodes = 3, .cpus = 3, .movable_start = 512 });
	EXPECT_EQ(set_mempolicy(MPOL_BIND, 0x4), MM_POLICY_OK);
	EXPECT_EQ(node_of_new(&w, GFP_HIGHUSER_MOVABLE), 2);
	EXPECT_EQ(node_of_new(&w, GFP_KERNEL), 0);
	while (node_of_new(&w, GFP_HIGHUSER_MOVABLE | __GFP_NORETRY) == 2)
		;
	EXPECT(!alloc_page(GFP_HIGHUSER_MOVABLE | __GFP_NORETRY));
	world_close(&w);
}

TEST_MAIN
