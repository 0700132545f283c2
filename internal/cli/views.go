package cli

import (
	"time"

	"github.com/runnel/runnel/internal/jsontext"
	"github.com/runnel/runnel/libcontainer"
)

// writeView writes a container with the keys of runc, in the order of runc, and failure.
func writeView(w *jsontext.Writer, v *libcontainer.View) {
	w.Begin('{')
	w.String("ociVersion", v.OCIVersion)
	w.String("id", v.ID)
	w.Int("pid", v.Pid)
	w.String("status", v.Status)
	w.String("bundle", v.Bundle)
	w.String("rootfs", v.Rootfs)
	w.String("created", v.Created.Format(time.RFC3339Nano))
	if len(v.Annotations) > 0 {
		w.StringMap("annotations", v.Annotations)
	}
	w.String("owner", v.Owner)
	if v.Failure != "" {
		w.String("failure", v.Failure)
	}
	if v.Exit != nil {
		w.Key("exit")
		w.Begin('{')
		writeExit(w, v.Exit)
		w.End('}')
	}
	w.End('}')
}

// writeExit writes the members that are documented in runnel-wait(8).
func writeExit(w *jsontext.Writer, x *libcontainer.Exit) {
	w.Int("exitCode", x.Shell())
	w.Int("signal", int(x.Signal))
	if x.OOMKills >= 0 {
		w.Bool("oomKilled", x.OOMKilled())
		w.Int("oomKills", x.OOMKills)
	}
	if !x.Finished.IsZero() {
		w.String("finished", x.Finished.UTC().Format(time.RFC3339Nano))
	}
}

// viewJSON returns one container, indented and without a newline at the end.
func viewJSON(v *libcontainer.View) string {
	w := &jsontext.Writer{Indented: true, Text: make([]byte, 0, 512)}
	writeView(w, v)
	return string(w.Text)
}

// viewsJSON returns an array on one line, "[]" without containers.
func viewsJSON(views []libcontainer.View) string {
	w := &jsontext.Writer{}
	w.Begin('[')
	for i := range views {
		w.Element()
		writeView(w, &views[i])
	}
	w.End(']')
	return string(append(w.Text, '\n'))
}
