// Command runnel-image unpacks a container image into a root file system, and prints on
// standard output, in the form of config.json, what the image says about the process. It is
// executed by "runnel spec --from-image", which makes a bundle of both.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"

	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/image"
)

const usage = `Usage: runnel-image [OPTION...] IMAGE[:TAG] DIR

Unpacks an image into the new directory DIR and prints the process and the annotations of
a config.json. IMAGE is an OCI image layout, a directory or a tar archive, or the archive
of "docker save". "runnel spec --from-image" makes a bundle with it.

Options:
`

func main() {
	unix.Umask(0)
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGINT, unix.SIGTERM, unix.SIGHUP)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("runnel-image", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprint(stderr, usage)
		flags.PrintDefaults()
	}
	var o image.Options
	platform := flags.String("platform", "", "choose the image for `OS/ARCHITECTURE[/VARIANT]`")
	flags.BoolVar(&o.Squash, "squash", false, "make the caller the owner of all files")
	flags.BoolVar(&o.Devices, "devices", false, "make device nodes")
	flags.Int64Var(&o.MaxBytes, "max-bytes", 0, "fail if the files are larger than `N` bytes together")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 2 {
		flags.Usage()
		return errors.New("runnel-image: two arguments are required")
	}
	o.Warn = func(text string) { fmt.Fprintln(stderr, "warning: "+text) }
	return unpack(ctx, flags.Arg(0), *platform, flags.Arg(1), o, stdout)
}

func unpack(ctx context.Context, reference, platform, dir string, o image.Options, stdout io.Writer) error {
	i, err := image.Open(reference, platform)
	if err != nil {
		return err
	}
	defer i.Close()
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	if err := i.Unpack(ctx, dir, o); err != nil {
		return fmt.Errorf("image %s: %w", reference, err)
	}
	spec, err := i.Spec(dir)
	if err != nil {
		return fmt.Errorf("image %s: %w", reference, err)
	}
	return json.NewEncoder(stdout).Encode(spec)
}
