package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// times returns the rows of the first table.
func times(rounds int) []measure {
	return []measure{
		{"run true", paired(rounds, scenario{setUp: configured(), timed: runOnce})},
		{"run true, large seccomp profile, warm", paired(rounds, scenario{setUp: configured(seccompProfile(0)), timed: runOnce})},
		{"run true, large seccomp profile, cold", paired(rounds, scenario{
			prepare: func(_ *container, b *bundle, round int) error { return b.write(seccompProfile(1 + round)) },
			timed:   runOnce,
		})},
		{"create + start + delete", paired(rounds, scenario{setUp: configured(), timed: threeCommands})},
		{"exec true", paired(rounds, beside(1, "exec", "c1", "true"))},
		{"state", paired(rounds, beside(1, "state", "c1"))},
		{"list, 1 container", paired(rounds, beside(1, "list"))},
		{"list, 100 containers", paired(rounds, beside(100, "list"))},
		{"delete --force, running", paired(rounds, scenario{
			setUp:   configured(sleeping),
			prepare: func(c *container, b *bundle, _ int) error { return c.background(b.dir, "d") },
			timed:   func(c *container, _ *bundle) (time.Duration, error) { return c.command("delete", "--force", "d") },
		})},
	}
}

func configured(changes ...func(*specs.Spec)) func(*container, *bundle) error {
	return func(_ *container, b *bundle) error { return b.write(changes...) }
}

func runOnce(c *container, b *bundle) (time.Duration, error) {
	return c.command("run", "--bundle", b.dir, "r")
}

// threeCommands times the commands create, start and delete, but not the container
// between them.
func threeCommands(c *container, b *bundle) (time.Duration, error) {
	pid, create, err := c.create(b.dir, "t")
	if err != nil {
		return 0, err
	}
	start, err := c.command("start", "t")
	if err != nil {
		return 0, err
	}
	reap(pid)
	remove, err := c.command("delete", "t")
	return create + start + remove, err
}

// beside times a command while a number of containers run.
func beside(containers int, command ...string) scenario {
	// The runtimes' containers run at the same time: with the same id they would
	// have the same cgroup.
	each := func(c *container, act func(id string) error) error {
		for i := range containers {
			if err := act(c.idOf(fmt.Sprintf("c%d", i+1))); err != nil {
				return err
			}
		}
		return nil
	}
	return scenario{
		setUp: func(c *container, b *bundle) error {
			if err := b.write(sleeping); err != nil {
				return err
			}
			return each(c, func(id string) error { return c.background(b.dir, id) })
		},
		timed: func(c *container, _ *bundle) (time.Duration, error) {
			args := slices.Clone(command)
			if len(args) > 1 {
				args[1] = c.idOf(args[1])
			}
			return c.command(args...)
		},
		tearDown: func(c *container) error { return each(c, c.destroy) },
	}
}
