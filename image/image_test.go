package image

import (
	"archive/tar"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	ispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/opencontainers/runtime-spec/specs-go"
)

func TestCompression(t *testing.T) {
	for name, store := range map[string]func(*testing.T, []byte) []byte{"tar": nil, "gzip": gzipped, "zstd": zstandard} {
		l := newLayout(t)
		l.add(l.manifest(ispec.Image{}, store, archiveOf(t, file("a", name))), "")
		root, err := unpacked(t, l.dir, Options{Squash: os.Geteuid() != 0})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := listing(t, root); got != someFile+"a "+name {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// Each blob is compared with its digest and its size.
func TestWrongBlobs(t *testing.T) {
	squash := Options{Squash: os.Geteuid() != 0}
	for _, c := range []struct {
		name   string
		change func(l *layoutDir, m *ispec.Manifest, config *ispec.Image)
		want   string
	}{
		{"nothing", func(*layoutDir, *ispec.Manifest, *ispec.Image) {}, ""},
		{"a layer", func(l *layoutDir, m *ispec.Manifest, _ *ispec.Image) {
			l.write("blobs/sha256/"+m.Layers[0].Digest.Encoded(), archiveOf(l.T, file("a", "y")))
		}, "the content doesn't have the digest sha256:"},
		{"a longer layer", func(l *layoutDir, m *ispec.Manifest, _ *ispec.Image) {
			l.write("blobs/sha256/"+m.Layers[0].Digest.Encoded(), append(archiveOf(l.T, file("a", "x")), 0))
		}, "larger than its descriptor says"},
		{"a size", func(_ *layoutDir, m *ispec.Manifest, _ *ispec.Image) { m.Layers[0].Size++ }, "doesn't have the digest"},
		{"a missing layer", func(l *layoutDir, m *ispec.Manifest, _ *ispec.Image) {
			if err := os.Remove(filepath.Join(l.dir, "blobs/sha256", m.Layers[0].Digest.Encoded())); err != nil {
				l.Fatal(err)
			}
		}, "no such file or directory"},
		{"a digest of a path", func(_ *layoutDir, m *ispec.Manifest, _ *ispec.Image) {
			m.Layers[0].Digest = "sha256:../../../../../etc/passwd"
		}, "invalid checksum digest"},
		{"an unknown algorithm", func(_ *layoutDir, m *ispec.Manifest, _ *ispec.Image) { m.Layers[0].Digest = "md5:00" }, "unsupported digest algorithm"},
		{"a diff_id", func(_ *layoutDir, _ *ispec.Manifest, config *ispec.Image) {
			config.RootFS.DiffIDs[0] = digest.FromString("other")
		}, "uncompressed: the content doesn't have the digest"},
		{"no diff_id", func(_ *layoutDir, _ *ispec.Manifest, config *ispec.Image) { config.RootFS.DiffIDs = nil }, "the manifest has 1 layers, and the config 0"},
		{"no config", func(l *layoutDir, m *ispec.Manifest, _ *ispec.Image) {
			m.Config.MediaType = "application/vnd.example"
		}, "it is not of a container image"},
		{"another platform", func(_ *layoutDir, _ *ispec.Manifest, config *ispec.Image) {
			config.OS, config.Architecture = "linux", "s390x"
		}, "it is for linux/s390x, not for linux/" + runtime.GOARCH + ": choose with --platform"},
	} {
		l := newLayout(t)
		layer := archiveOf(t, file("a", "x"))
		config := ispec.Image{RootFS: ispec.RootFS{DiffIDs: []digest.Digest{digest.FromBytes(layer)}}}
		m := ispec.Manifest{Layers: []ispec.Descriptor{l.blob(ispec.MediaTypeImageLayer, layer)}}
		m.Config.MediaType = ispec.MediaTypeImageConfig
		c.change(l, &m, &config)
		mediaType := m.Config.MediaType
		m.Config = l.blob(mediaType, config)
		l.add(l.blob(ispec.MediaTypeImageManifest, m), "")
		_, err := unpacked(t, l.dir, squash)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
	}
}

// chosen opens an image and returns its author, by whom the images of a test differ.
func chosen(reference, platform string) string {
	i, err := Open(reference, platform)
	if err != nil {
		return strings.TrimPrefix(err.Error(), "image "+strings.SplitN(reference, ":", 2)[0]+": ")
	}
	defer i.Close()
	return i.Config.Author
}

func TestChoice(t *testing.T) {
	l := newLayout(t)
	image := func(author, architecture, variant string) ispec.Descriptor {
		p := ispec.Platform{OS: "linux", Architecture: architecture, Variant: variant}
		d := l.manifest(ispec.Image{Author: author, Platform: p}, nil)
		d.Platform = &p
		return d
	}
	attestation := l.manifest(ispec.Image{Author: "attestation"}, nil)
	attestation.Platform = &ispec.Platform{OS: "unknown", Architecture: "unknown"}
	many := ispec.Index{Manifests: []ispec.Descriptor{
		image("one amd64", "amd64", ""), image("one arm64", "arm64", "v8"), image("one arm v6", "arm", "v6"), image("one arm v7", "arm", "v7"), attestation,
	}}
	many.SchemaVersion = 2
	l.add(l.blob(ispec.MediaTypeImageIndex, many), "one")
	l.add(image("two amd64", "amd64", ""), "two:b")
	for _, c := range []struct{ tag, platform, want string }{
		{":one", "linux/amd64", "one amd64"},
		{":one", "linux/arm64", "one arm64"},
		{":one", "linux/arm64/v8", "one arm64"},
		{":one", "linux/arm/v7", "one arm v7"},
		{":one", "linux/arm", "there are several images: append :TAG, one of one, two:b"},
		{":one", "linux/riscv64", "there is no image for linux/riscv64, but for linux/amd64, linux/arm64/v8, linux/arm/v6, linux/arm/v7: choose with --platform"},
		{":two:b", "linux/amd64", "two amd64"},
		{":two:b", "linux/arm64", "there is no image for linux/arm64, but for linux/amd64: choose with --platform"},
		{"", "linux/arm64", "one arm64"},
		{"", "linux/amd64", "there are several images: append :TAG, one of one, two:b"},
		{":three", "linux/amd64", `there is no image with the tag "three", but: one, two:b`},
		{"", "amd64", `invalid platform "amd64": not of the form OS/ARCHITECTURE[/VARIANT], such as linux/arm64`},
	} {
		if got := chosen(l.dir+c.tag, c.platform); got != c.want {
			t.Errorf("tag %q, platform %q: %s, want %s", c.tag, c.platform, got, c.want)
		}
	}
}

func TestNestedIndices(t *testing.T) {
	l := newLayout(t)
	d := l.manifest(ispec.Image{Author: "inner"}, nil)
	for range 3 {
		d = l.blob(ispec.MediaTypeImageIndex, ispec.Index{Manifests: []ispec.Descriptor{d}})
	}
	l.add(d, "")
	if got := chosen(l.dir, ""); got != "inner" {
		t.Errorf("three indices: %s", got)
	}
	for range 3 {
		d = l.blob(ispec.MediaTypeImageIndex, ispec.Index{Manifests: []ispec.Descriptor{d}})
	}
	l.index.Manifests = nil
	l.add(d, "")
	if got := chosen(l.dir, ""); got != "index.json: indices are nested too deeply" {
		t.Errorf("six indices: %s", got)
	}
}

// Indices that name each other a hundred times, in four levels, have a hundred million images.
func TestManyImages(t *testing.T) {
	l := newLayout(t)
	d := l.manifest(ispec.Image{}, nil)
	for range 4 {
		d = l.blob(ispec.MediaTypeImageIndex, ispec.Index{Manifests: slices.Repeat([]ispec.Descriptor{d}, 100)})
	}
	l.add(d, "")
	if got := chosen(l.dir, ""); got != "index.json: there are more than 10000 images" {
		t.Error(got)
	}
}

// dockerArchive writes what docker save writes.
func dockerArchive(t *testing.T, links bool) string {
	t.Helper()
	layer := archiveOf(t, file("a", "x"))
	var manifest []map[string]any
	var members []tar.Header
	for _, name := range []string{"one", "two"} {
		config, err := json.Marshal(ispec.Image{Author: name, RootFS: ispec.RootFS{DiffIDs: []digest.Digest{digest.FromBytes(layer)}}})
		if err != nil {
			t.Fatal(err)
		}
		members = append(members, file(digest.FromBytes(config).Encoded()+".json", string(config)))
		if links && name == "two" {
			members = append(members, link("two/layer.tar", "../one/layer.tar"))
		} else {
			members = append(members, file(name+"/layer.tar", string(layer)))
		}
		manifest = append(manifest, map[string]any{
			"Config": digest.FromBytes(config).Encoded() + ".json", "RepoTags": []string{"example.com/" + name + ":v1"}, "Layers": []string{name + "/layer.tar"},
		})
	}
	content, err := json.Marshal(manifest)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "saved.tar")
	if err := os.WriteFile(path, archiveOf(t, append(members, file("manifest.json", string(content)))...), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDockerArchive(t *testing.T) {
	for _, links := range []bool{false, true} {
		path := dockerArchive(t, links)
		for tag, want := range map[string]string{
			":example.com/two:v1": "two", ":example.com/one:v1": "one",
			"":    "there are several images: append :TAG, one of example.com/one:v1, example.com/two:v1",
			":v1": "there are several images: append :TAG, one of example.com/one:v1, example.com/two:v1",
			":v2": `there is no image with the tag "v2", but: example.com/one:v1, example.com/two:v1`,
		} {
			if got := chosen(path+tag, ""); got != want {
				t.Errorf("tag %q: %s, want %s", tag, got, want)
			}
		}
		root, err := unpacked(t, path+":example.com/two:v1", Options{Squash: os.Geteuid() != 0})
		if err != nil {
			t.Fatal(err)
		}
		if got := listing(t, root); got != someFile+"a x" {
			t.Errorf("unpacked: %s", got)
		}
	}
}

func TestSources(t *testing.T) {
	empty := t.TempDir()
	compressed := filepath.Join(empty, "x.tar.gz")
	if err := os.WriteFile(compressed, gzipped(t, archiveOf(t)), 0o600); err != nil {
		t.Fatal(err)
	}
	nothing := filepath.Join(empty, "nothing.tar")
	if err := os.WriteFile(nothing, archiveOf(t, file("a", "")), 0o600); err != nil {
		t.Fatal(err)
	}
	const neither = "neither an OCI image layout, with index.json, nor an archive of docker save, with manifest.json"
	for _, c := range []struct{ path, want string }{
		{empty, neither},
		{nothing, neither},
		{compressed, "the archive is compressed: decompress it with gunzip first"},
		{empty + "/absent", "no such file or directory"},
		{"/dev/null", "neither a directory nor a file"},
	} {
		if got := chosen(c.path, ""); got != c.want {
			t.Errorf("%s: %s, want %s", c.path, got, c.want)
		}
	}
}

func TestSplit(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, name := range []string{"a", "a:b", "c"} {
		if err := os.Mkdir(name, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ reference, name, tag string }{
		{"a", "a", ""}, {"c:v1", "c", "v1"}, {"c:example.com/x:v1", "c", "example.com/x:v1"},
		{"a:b", "a:b", ""}, {"a:b:c", "a:b", "c"}, {"a:x", "a", "x"}, {"absent:v1", "absent", "v1"}, {"absent", "absent", ""},
	} {
		if name, tag := split(c.reference); name != c.name || tag != c.tag {
			t.Errorf("split(%q) = %q, %q; want %q, %q", c.reference, name, tag, c.name, c.tag)
		}
	}
}

func TestSpec(t *testing.T) {
	passwd := file("etc/passwd", "root:x:0:0::/:/bin/sh\nweb:x:33:34::/var/www:/bin/sh\n")
	group := file("etc/group", "root:x:0:\nwww:x:34:\nlogs:x:55:web\nadm:x:4:root\n")
	outside := link("etc/passwd", "/../../../../../../../../etc/hostname")
	for _, c := range []struct {
		user  string
		files []tar.Header
		want  specs.User
		fails string
	}{
		{"", []tar.Header{passwd, group}, specs.User{}, ""},
		{"web", []tar.Header{passwd, group}, specs.User{UID: 33, GID: 34, AdditionalGids: []uint32{55}}, ""},
		{"web:adm", []tar.Header{passwd, group}, specs.User{UID: 33, GID: 4}, ""},
		{"33", []tar.Header{passwd, group}, specs.User{UID: 33, GID: 34, AdditionalGids: []uint32{55}}, ""},
		{"1000", []tar.Header{passwd, group}, specs.User{UID: 1000}, ""},
		{"1000:1001", nil, specs.User{UID: 1000, GID: 1001}, ""},
		{"web:77", []tar.Header{passwd}, specs.User{UID: 33, GID: 77}, ""},
		{"absent", []tar.Header{passwd, group}, specs.User{}, "unable to find user absent"},
		{"web:absent", []tar.Header{passwd, group}, specs.User{}, "unable to find group absent"},
		{"root", []tar.Header{outside}, specs.User{}, "unable to find user root"},
		{"web", []tar.Header{dir("etc/passwd", 0o755)}, specs.User{}, "/etc/passwd is not a regular file"},
		{"web", []tar.Header{special("etc/passwd", tar.TypeFifo)}, specs.User{}, "/etc/passwd is not a regular file"},
	} {
		l := newLayout(t)
		l.add(l.manifest(ispec.Image{Config: ispec.ImageConfig{User: c.user}}, nil, archiveOf(t, c.files...)), "")
		root, err := unpacked(t, l.dir, Options{Squash: os.Geteuid() != 0})
		if err != nil {
			t.Fatal(err)
		}
		i, err := Open(l.dir, "")
		if err != nil {
			t.Fatal(err)
		}
		spec, err := i.Spec(root)
		switch {
		case c.fails != "":
			if err == nil || !strings.Contains(err.Error(), c.fails) {
				t.Errorf("user %q: %v, want %s", c.user, err, c.fails)
			}
		case err != nil:
			t.Errorf("user %q: %v", c.user, err)
		case cmp.Diff(c.want, spec.Process.User) != "":
			t.Errorf("user %q: %s", c.user, cmp.Diff(c.want, spec.Process.User))
		}
		i.Close()
	}
}

func TestSpecOfConfig(t *testing.T) {
	i := &Image{Config: ispec.Image{
		Author: "me", Platform: ispec.Platform{OS: "linux", Architecture: "arm64", Variant: "v8"},
		Config: ispec.ImageConfig{
			Entrypoint: []string{"/bin/sh", "-c"}, Cmd: []string{"id"}, Env: []string{"A=b"}, WorkingDir: "var/w/../x", StopSignal: "SIGINT",
			ExposedPorts: map[string]struct{}{"80/tcp": {}, "53/udp": {}}, Volumes: map[string]struct{}{"/data": {}},
			Labels: map[string]string{"x": "y", "org.opencontainers.image.author": "label", "": "no name",
				"org.systemd.property.ExecStopPost": "x", "org.criu.config": "/x", "run.oci.keep_original_groups": "1",
			},
		},
	}}
	got, err := i.Spec(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	want := &specs.Spec{
		Version: specs.Version,
		Process: &specs.Process{Args: []string{"/bin/sh", "-c", "id"}, Env: []string{"A=b"}, Cwd: "/var/x"},
		Annotations: map[string]string{
			"org.opencontainers.image.os": "linux", "org.opencontainers.image.architecture": "arm64", "org.opencontainers.image.variant": "v8",
			"org.opencontainers.image.author": "label", "org.opencontainers.image.stopSignal": "SIGINT",
			"org.opencontainers.image.exposedPorts": "53/udp,80/tcp", "x": "y",
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
