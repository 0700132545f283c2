package libcontainer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// hookGrace is how long a hook's output is waited for after its end: what it
// has left behind may hold the pipe open.
const hookGrace = 100 * time.Millisecond

// runHooks runs hooks of the runtime's namespaces one after the other and stops
// at the first that fails.
func runHooks(kind string, hooks []specs.Hook, state specs.State) error {
	for i := range hooks {
		if err := runHook(kind, i, &hooks[i], state); err != nil {
			return err
		}
	}
	return nil
}

// runHook runs one hook: config.md#posix-platform-hooks. The state goes to its
// standard input. At its timeout its whole process group is killed. The words
// "error running KIND hook #N:" are runc's.
func runHook(kind string, index int, hook *specs.Hook, state specs.State) error {
	input, err := json.Marshal(state)
	if err != nil {
		return fmt.Errorf("state for hooks: %w", err)
	}
	var stdout, stderr bytes.Buffer
	cmd := &exec.Cmd{
		Path: hook.Path, Args: hook.Args, Env: hook.Env,
		Stdin: bytes.NewReader(input), Stdout: &stdout, Stderr: &stderr,
		WaitDelay:   hookGrace,
		SysProcAttr: &syscall.SysProcAttr{Setpgid: true},
	}
	if len(cmd.Args) == 0 {
		cmd.Args = []string{hook.Path}
	}
	if cmd.Env == nil {
		cmd.Env = []string{}
	}
	err = waitHook(cmd, hook.Timeout)
	if err == nil {
		return nil
	}
	return fmt.Errorf("error running %s hook #%d: hooks.%s[%d] %s: %w, stdout: %s, stderr: %s", kind, index, kind, index,
		hook.Path, err, strings.TrimSpace(stdout.String()), strings.TrimSpace(stderr.String()))
}

func waitHook(cmd *exec.Cmd, timeout *int) error {
	if err := cmd.Start(); err != nil {
		return err
	}
	late := false
	if timeout != nil && *timeout > 0 {
		pid := cmd.Process.Pid
		timer := time.AfterFunc(time.Duration(*timeout)*time.Second, func() {
			late = true
			_ = unix.Kill(-pid, unix.SIGKILL)
		})
		defer timer.Stop()
	}
	err := cmd.Wait()
	if late {
		return fmt.Errorf("hook ran past specified timeout of %.1fs", time.Duration(*timeout*int(time.Second)).Seconds())
	}
	if errors.Is(err, exec.ErrWaitDelay) {
		return nil // the hook itself went well
	}
	return err
}
