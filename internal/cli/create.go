package cli

import (
	"context"
	"fmt"
	"os"

	"github.com/runnel/runnel/libcontainer"
	"github.com/runnel/runnel/libcontainer/sdnotify"
)

// Flags that several commands have.
func bundleFlag() flag {
	return flag{name: "bundle", short: "b", kind: text, value: "DIR", usage: "the bundle is in DIR (default: the working directory)"}
}

func consoleSocketFlag() flag {
	return flag{name: "console-socket", kind: text, value: "PATH", usage: "send the terminal's master to the unix socket at PATH"}
}

func pidfdSocketFlag() flag {
	return flag{name: "pidfd-socket", kind: text, value: "PATH", usage: "send a pidfd of the process to the unix socket at PATH"}
}

func pidFileFlag() flag {
	return flag{name: "pid-file", kind: text, value: "FILE", usage: "write the pid to FILE when the process is there"}
}

func preserveFDsFlag() flag {
	return flag{name: "preserve-fds", kind: number, value: "N", usage: "pass on N descriptors from 3 on, after those of LISTEN_FDS"}
}

// createFlags are those of create and run.
func createFlags() []flag {
	return []flag{
		bundleFlag(), consoleSocketFlag(), pidfdSocketFlag(), pidFileFlag(),
		{name: "no-pivot", usage: "use MS_MOVE and chroot instead of pivot_root, for a root on a ramfs"},
		{name: "no-new-keyring", usage: "keep the session keyring of the caller"},
		preserveFDsFlag(),
	}
}

func createCommand() *command {
	return &command{
		name: "create", summary: "make a container, whose process waits for start", arguments: "ID", least: 1, most: 1,
		description: `Makes namespaces, cgroups and mounts as the bundle's config.json asks for. The
process isn't executed before start; its standard streams are those of this
command. Where the config asks for a terminal, --console-socket is needed.`,
		example: "runnel create --bundle /srv/web web && runnel start web",
		// create always detaches.
		flags: append(createFlags(), flag{name: "detach", hidden: true, usage: "accepted and ignored"}),
		run:   runCreate,
	}
}

func runCreate(c *call) error {
	o, err := c.createOptions()
	if err != nil {
		return misuse(err)
	}
	r, err := c.creator()
	if err != nil {
		return err
	}
	p, err := r.Create(context.Background(), o)
	if err != nil {
		return fmt.Errorf("runnel create failed: %w", err)
	}
	p.Close()
	return nil
}

func (c *call) createOptions() (libcontainer.CreateOptions, error) {
	fds, err := c.inherited()
	return libcontainer.CreateOptions{
		ID: c.id(), Bundle: c.text("bundle"), Stdio: c.stdio(),
		PidfdSocket: c.text("pidfd-socket"), PidFile: c.text("pid-file"),
		NoPivot: c.on("no-pivot"), NoNewKeyring: c.on("no-new-keyring"),
		ExtraFiles: fds.files, ListenFDs: fds.listen, ListenNames: fds.names,
		NotifySocket: os.Getenv(sdnotify.Variable),
	}, err
}

// stdio returns the command's own streams, or the console socket.
func (c *call) stdio() libcontainer.Stdio {
	return libcontainer.Stdio{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, ConsoleSocket: c.text("console-socket")}
}

// inherited claims the descriptors of --preserve-fds and LISTEN_FDS.
func (c *call) inherited() (inherited, error) {
	n, err := c.preserveFDs()
	if err != nil {
		return inherited{}, err
	}
	return claimInherited(n)
}

func (c *call) preserveFDs() (int, error) {
	n := c.number("preserve-fds")
	if n < 0 {
		return 0, fmt.Errorf("invalid value %d for --preserve-fds: not a number of descriptors", n)
	}
	return n, nil
}
