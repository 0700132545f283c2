package libcontainer_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/libcontainer"
)

// TestConcurrent runs several containers at a time, with processes beside their inits and,
// if the build supports them, seccomp profiles, and looks for what is left.
func TestConcurrent(t *testing.T) {
	r, dir, name := newRuntime(t, func(s *specs.Spec) {
		s.Linux.CgroupsPath = ""
		if *libcontainer.Features().Linux.Seccomp.Enabled {
			s.Linux.Seccomp = &specs.LinuxSeccomp{
				DefaultAction: specs.ActAllow,
				Syscalls:      []specs.LinuxSyscall{{Names: []string{"chroot"}, Action: specs.ActErrno}},
			}
		}
	}, "sleep", "1000")
	r.Warn = func(text string) { t.Error("warning:", text) }
	before := count(t)
	root := r.Root
	for round := range 4 {
		r.Root = fmt.Sprint(root, round) // without a cache, so that all compile
		var all sync.WaitGroup
		for worker := range 8 {
			all.Go(func() {
				if err := runOnce(r, fmt.Sprint(name, "-", worker), dir); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		before.expectNothing(t, r.Root, name)
	}
}

func runOnce(r *libcontainer.Runtime, id, bundle string) error {
	ctx := context.Background()
	init, err := r.Run(ctx, libcontainer.RunOptions{CreateOptions: libcontainer.CreateOptions{ID: id, Bundle: bundle}})
	if err != nil {
		return err
	}
	defer init.Close()
	o := libcontainer.ExecOptions{Override: libcontainer.ProcessOverride{Args: []string{"busybox", "sh", "-c", "exit 4"}}}
	p, err := init.Container().Exec(ctx, o)
	if err == nil {
		var status libcontainer.ExitStatus
		if status, err = p.Wait(ctx); err == nil && status.Code != 4 {
			err = fmt.Errorf("exit status %+v", status)
		}
		p.Close()
	}
	if deleted := init.Container().Delete(true); err == nil {
		err = deleted
	}
	if _, waited := init.Wait(ctx); err == nil {
		err = waited
	}
	return err
}
