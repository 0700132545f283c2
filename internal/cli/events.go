package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/signal"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/jsontext"
	"github.com/runnel/runnel/libcontainer"
)

func eventsCommand(s *session) *Command {
	return &Command{
		Command: &cli.Command{
			Name: "events", Category: information, Usage: "print resource usage and what happens to a container", ArgsUsage: "[ID]",
			Description: `Prints one JSON object per line: of type "stats" after each interval, and of type "oom"
when the kernel kills a process of the container because it is out of memory. events
ends when the container does. Times are in nanoseconds, sizes in bytes.

With --lifecycle, --memory or --psi it prints what they say instead, as it happens, and
statistics only if --interval is given, too. With --lifecycle it ends when the container
is deleted; without ID it tells of all containers.`,
			Flags: []cli.Flag{
				&cli.StringFlag{
					Name: "interval", Usage: "print statistics every `DURATION`, such as 500ms, 5s or 1m",
					Value: "5s", DefaultText: "5s",
				},
				&cli.BoolFlag{Name: "stats", Usage: "print statistics once and exit"},
				&cli.BoolFlag{Name: "lifecycle", Usage: "print what commands do to the container, and its end"},
				&cli.BoolFlag{Name: "memory", Usage: "print events of the memory controller, such as oom_kill and high"},
				&cli.StringSliceFlag{Name: "psi", Usage: "print when processes stall as long as `TRIGGER`, RESOURCE:some|full:STALL/WINDOW"},
			},
			Action: s.events,
		},
		Most: 1,
		Example: `runnel events --stats web | jq .data.memory.usage
runnel events --interval 1m web
runnel events --lifecycle --memory --psi memory:some:150ms/2s web`,
	}
}

func (s *session) events(c *cli.Context) error {
	o, err := watchOptions(c)
	if err != nil {
		return misuse(err)
	}
	interval, err := parseInterval(c)
	if err != nil {
		return err
	}
	out := json.NewEncoder(s.stdout)
	emit := func(e *libcontainer.Event) error { return out.Encode(e) }
	isWatch := o.Lifecycle || o.Memory || len(o.Pressure) > 0
	if isWatch && c.IsSet("interval") {
		o.Interval, o.Stats = interval, emit
	}
	if !c.Args().Present() {
		if o.Lifecycle && !o.Memory && len(o.Pressure) == 0 && o.Interval == 0 {
			return s.watchAll()
		}
		return s.usageError(c, fmt.Errorf(`%s: "events" requires exactly 1 argument(s)`, s.name), true)
	}
	return s.onContainer(c, func(container *libcontainer.Container) error {
		switch {
		case c.Bool("stats"):
			event, err := container.Stats()
			if err != nil {
				return err
			}
			return out.Encode(event)
		case isWatch:
			return s.watch(func(ctx context.Context) error { return container.Watch(ctx, o, s.printNotice) })
		}
		return container.Events(interval, emit)
	})
}

func watchOptions(c *cli.Context) (o libcontainer.WatchOptions, err error) {
	o.Lifecycle, o.Memory = c.Bool("lifecycle"), c.Bool("memory")
	for _, text := range c.StringSlice("psi") {
		p, err := libcontainer.ParsePressure(text)
		if err != nil {
			return o, fmt.Errorf("--psi: %w", err)
		}
		o.Pressure = append(o.Pressure, p)
	}
	return o, nil
}

func (s *session) watchAll() error {
	r, err := s.runtime()
	if err != nil {
		return err
	}
	return s.watch(func(ctx context.Context) error { return r.Watch(ctx, s.printNotice) })
}

// watch calls act until a signal tells this process to end. That is its regular end, upon
// which it removes its socket.
func (s *session) watch(act func(context.Context) error) error {
	hideInherited()
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGINT, unix.SIGTERM, unix.SIGHUP)
	defer stop()
	err := act(ctx)
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	return err
}

// printNotice prints one line with the members that are documented in runnel-events(8).
func (s *session) printNotice(n libcontainer.Notice) error {
	w := &jsontext.Writer{}
	w.Begin('{')
	w.String("type", string(n.Type))
	w.String("id", n.ID)
	w.String("time", n.Time.UTC().Format(time.RFC3339Nano))
	w.String("event", n.Event)
	if n.Pid != 0 {
		w.Int("pid", n.Pid)
	}
	if n.Exit != nil {
		w.Int("exitCode", n.Exit.Shell())
		w.Int("signal", int(n.Exit.Signal))
	}
	if n.Type == libcontainer.MemoryNotice {
		w.Uint("count", n.Count)
	}
	w.End('}')
	return s.print(string(append(w.Text, '\n')))
}
