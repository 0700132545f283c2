package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/urfave/cli/v2"

	"github.com/runnel/runnel/libcontainer"
)

const configName = "config.json"

func specCommand(s *session) *Command {
	return &Command{
		Command: &cli.Command{
			Name: "spec", Category: bundles, Usage: "write an example config.json, or make a bundle from an image",
			Description: `The configuration runs sh in ./rootfs, with a terminal, in new namespaces and with few
capabilities. Edit process.args to run another program, and set process.terminal to
false if there is no terminal. With --seccomp, system calls that few programs need are
refused. An existing file is not overwritten.

With --from-image, the image is unpacked into the bundle's rootfs, and the configuration
runs its program. IMAGE is an OCI image layout, a directory or a tar archive, or the
archive of "docker save" or "podman save". The bundle must not exist, or be a directory
that other users can't enter.`,
			Flags: []cli.Flag{
				bundleFlag(),
				&cli.StringFlag{
					Name: "file", Aliases: []string{"f"}, Value: configName, DefaultText: configName,
					Usage: "write to `FILE`, relative to the bundle, for --config of other commands",
				},
				&cli.BoolFlag{Name: "rootless", Usage: "write a configuration for an ordinary user"},
				&cli.StringFlag{Name: "from-image", Usage: "unpack the image `IMAGE[:TAG]` into the bundle"},
				&cli.StringFlag{Name: "platform", Usage: "choose the image for `OS/ARCHITECTURE[/VARIANT]`", DefaultText: "this host's"},
				&cli.BoolFlag{Name: "allow-devices", Usage: "make the device nodes of the image"},
				&cli.StringFlag{Name: "max-size", Usage: "fail if the files of the image have more than `SIZE` bytes; suffixes k, m and g", DefaultText: "64g"},
				&cli.BoolFlag{Name: "seccomp", Usage: "include a seccomp profile that suits most programs"},
			},
			Action: s.spec,
		},
		Example: `cd hello && runnel spec
runnel spec --from-image web.tar --bundle web`,
	}
}

func (s *session) spec(c *cli.Context) error {
	path := c.String("file")
	if !filepath.IsAbs(path) {
		path = filepath.Join(c.String("bundle"), path)
	}
	if c.String("from-image") != "" {
		return s.specFromImage(c, path)
	}
	for _, name := range []string{"platform", "allow-devices", "max-size"} {
		if c.IsSet(name) {
			return misuse(fmt.Errorf("--%s has no meaning without --from-image", name))
		}
	}
	return s.writeSpec(c, libcontainer.Example(c.Bool("rootless")), path)
}

// writeSpec writes a config, with what the flags add to it, to a new file.
func (s *session) writeSpec(c *cli.Context, config *specs.Spec, path string) error {
	if c.Bool("seccomp") {
		config.Linux.Seccomp = libcontainer.SeccompProfile()
	}
	content, err := json.MarshalIndent(config, "", "\t")
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if errors.Is(err, fs.ErrExist) {
		return fileExists(c)
	}
	if err != nil {
		return err
	}
	_, err = f.Write(append(content, '\n'))
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(path)) // an incomplete file would be worse than none
	}
	s.debugf("spec: %s is written, %d bytes", path, len(content)+1)
	return nil
}

func fileExists(c *cli.Context) error {
	//lint:ignore ST1005 runc's text
	return misuse(fmt.Errorf("File %s exists. Remove it first", c.String("file")))
}
