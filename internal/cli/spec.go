package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/runnel/runnel/libcontainer"
)

const configName = "config.json"

func specCommand() *command {
	return &command{
		name: "spec", summary: "write a config.json to start from",
		description: `The config runs sh in ./rootfs, in namespaces of its own and with few capabilities.
Edit process.args, and set process.terminal to false where there is no terminal. A
config.json that is there already isn't touched.`,
		example: "cd hello && runnel spec",
		flags: []flag{
			bundleFlag(),
			{name: "rootless", usage: "for a user without privileges"},
		},
		run: runSpec,
	}
}

func runSpec(c *call) error {
	spec := libcontainer.Example(c.on("rootless"))
	content, err := json.MarshalIndent(spec, "", "\t")
	if err != nil {
		return err
	}
	path := filepath.Join(c.text("bundle"), configName)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if errors.Is(err, fs.ErrExist) {
		//lint:ignore ST1005 runc's text
		return misuse(fmt.Errorf("File %s exists. Remove it first", configName))
	}
	if err != nil {
		return err
	}
	_, err = f.Write(append(content, '\n'))
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(path)) // half a config is worse than none
	}
	return nil
}
