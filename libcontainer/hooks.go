package libcontainer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
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
		SysProcAttr: &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL},
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
	err = fmt.Errorf("error running %s hook #%d: hooks.%s[%d] %s: %w, stdout: %s, stderr: %s", kind, index, kind, index,
		hook.Path, err, strings.TrimSpace(stdout.String()), strings.TrimSpace(stderr.String()))
	return &Fault{Err: err, Code: CodeHookFailed, Step: "hook", Field: "/hooks/" + kind + "/" + strconv.Itoa(index)}
}

// waitHook runs a hook on a thread of its own, whose end is the hook's, too: a
// runtime that is killed leaves none behind (PR_SET_PDEATHSIG, prctl(2)).
func waitHook(cmd *exec.Cmd, timeout *int) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := cmd.Start(); err != nil {
		return err
	}
	var late atomic.Bool
	if timeout != nil && *timeout > 0 {
		pid := cmd.Process.Pid
		timer := time.AfterFunc(time.Duration(*timeout)*time.Second, func() {
			late.Store(true)
			_ = unix.Kill(-pid, unix.SIGKILL)
		})
		defer timer.Stop()
	}
	err := cmd.Wait()
	if late.Load() {
		return hookTimeout(float64(*timeout))
	}
	if errors.Is(err, exec.ErrWaitDelay) {
		return nil // the hook itself went well
	}
	return err
}

// hookTimeout is runc's text.
type hookTimeout float64

func (t hookTimeout) Error() string {
	return fmt.Sprintf("hook ran past specified timeout of %.1fs", float64(t))
}
