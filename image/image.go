package image

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	ispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Image is an image for one platform. Its config has the digest that the manifest names; the
// layers are verified when they are unpacked.
type Image struct {
	Config ispec.Image
	source source
	layers []layer
}

// layer is a layer in a source. digest is that of the file, "" if only the digest of its
// uncompressed content, diffID, is known.
type layer struct {
	file           string
	digest, diffID digest.Digest
	size           int64
}

// Close closes the files of the image.
func (i *Image) Close() error { return i.source.Close() }

// Open opens the image that PATH[:TAG] names: an OCI image layout (image-layout.md) in a
// directory or a tar archive, or an archive of docker save. Without TAG there must be one
// image for the platform. platform is OS/ARCH[/VARIANT]; "" is that of this program.
func Open(reference, platform string) (*Image, error) {
	wanted, err := parsePlatform(platform)
	if err != nil {
		return nil, err
	}
	name, tag := split(reference)
	s, err := openSource(name)
	if err == nil {
		var i *Image
		if i, err = open(s, tag, wanted); err == nil {
			return i, nil
		}
		s.Close()
	}
	var inPath *fs.PathError
	if errors.As(err, &inPath) && inPath.Path == name {
		err = inPath.Err
	}
	return nil, fmt.Errorf("image %s: %w", name, err)
}

func open(s source, tag string, wanted ispec.Platform) (i *Image, err error) {
	index, err := readMetadata(s, ispec.ImageIndexFile)
	switch {
	case err == nil:
		l := &layout{source: s, wanted: wanted}
		i, err = l.image(index, tag)
	case errors.Is(err, fs.ErrNotExist):
		var manifest []byte
		if manifest, err = readMetadata(s, "manifest.json"); errors.Is(err, fs.ErrNotExist) {
			return nil, errors.New("neither an OCI image layout, with index.json, nor an archive of docker save, with manifest.json")
		}
		if err == nil {
			i, err = dockerImage(s, manifest, tag)
		}
	}
	if err != nil {
		return nil, err
	}
	if len(i.layers) != len(i.Config.RootFS.DiffIDs) {
		return nil, fmt.Errorf("the manifest has %d layers, and the config %d", len(i.layers), len(i.Config.RootFS.DiffIDs))
	}
	for n, id := range i.Config.RootFS.DiffIDs {
		if err := id.Validate(); err != nil {
			return nil, fmt.Errorf("rootfs.diff_ids[%d] %q: %w", n, id, err)
		}
		i.layers[n].diffID = id
	}
	if !matches(i.Config.Platform, wanted) {
		return nil, fmt.Errorf("it is for %s, not for %s: choose with --platform", platformText(i.Config.Platform), platformText(wanted))
	}
	return i, nil
}

// layout is an OCI image layout.
type layout struct {
	source source
	wanted ispec.Platform
	seen   int // descriptors of indices
}

// blob opens the blob of a descriptor, which verifies it when it is read to its end.
func (l *layout) blob(d ispec.Descriptor) (io.ReadCloser, error) {
	name, err := blobName(d)
	if err != nil {
		return nil, err
	}
	f, err := l.source.open(name)
	if err != nil {
		return nil, err
	}
	return verify(f, name, d.Digest, d.Size), nil
}

func blobName(d ispec.Descriptor) (string, error) {
	if err := d.Digest.Validate(); err != nil {
		return "", fmt.Errorf("digest %q: %w", d.Digest, err)
	}
	return "blobs/" + d.Digest.Algorithm().String() + "/" + d.Digest.Encoded(), nil
}

// decode reads a blob that is JSON.
func (l *layout) decode(d ispec.Descriptor, v any) error {
	f, err := l.blob(d)
	if err != nil {
		return err
	}
	defer f.Close()
	content, err := readAtMost(f, "blob "+d.Digest.String())
	if err == nil {
		err = json.Unmarshal(content, v)
	}
	if err != nil {
		return fmt.Errorf("blob %s: %w", d.Digest, err)
	}
	return nil
}

// image finds the image with a tag.
func (l *layout) image(index []byte, tag string) (*Image, error) {
	var top ispec.Index
	if err := json.Unmarshal(index, &top); err != nil {
		return nil, fmt.Errorf("index.json: %w", err)
	}
	entries, tags := top.Manifests, []string{}
	if tag != "" {
		entries = nil
		for _, d := range top.Manifests {
			names := tagsOf(d)
			tags = append(tags, names...)
			if slices.Contains(names, tag) {
				entries = append(entries, d)
			}
		}
		if len(entries) == 0 {
			return nil, noTag(tag, tags)
		}
	}
	found, others, err := l.manifests(entries, 0)
	if err != nil {
		return nil, err
	}
	switch {
	case len(found) == 0 && len(others) == 0:
		return nil, errors.New("index.json: there is no image")
	case len(found) == 0:
		return nil, fmt.Errorf("there is no image for %s, but for %s: choose with --platform", platformText(l.wanted), strings.Join(others, ", "))
	case len(found) > 1:
		for _, d := range top.Manifests {
			tags = append(tags, tagsOf(d)...)
		}
		return nil, severalImages(tags)
	}
	return l.read(found[0])
}

// noTag is the error for a tag that doesn't exist.
func noTag(tag string, tags []string) error {
	if len(tags) == 0 {
		return fmt.Errorf("there is no image with the tag %q: no image has a tag", tag)
	}
	return fmt.Errorf("there is no image with the tag %q, but: %s", tag, strings.Join(tags, ", "))
}

func severalImages(tags []string) error {
	slices.Sort(tags)
	return fmt.Errorf("there are several images: append :TAG, one of %s", strings.Join(slices.Compact(tags), ", "))
}

// tagsOf returns the names of an image in an index: its tag, and docker's name.
func tagsOf(d ispec.Descriptor) (names []string) {
	for _, key := range []string{ispec.AnnotationRefName, "io.containerd.image.name"} {
		if name := d.Annotations[key]; name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// Media types of Docker's image manifests.
const (
	dockerList     = "application/vnd.docker.distribution.manifest.list.v2+json"
	dockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
)

// maxDescriptors bounds the descriptors of all indices: a few nested ones that name each other
// many times would take hours.
const maxDescriptors = 10_000

// manifests returns the different manifests for the wanted platform, also from nested
// indices, and the other platforms that there are.
func (l *layout) manifests(entries []ispec.Descriptor, depth int) (found []ispec.Descriptor, others []string, err error) {
	if depth > 4 {
		return nil, nil, errors.New("index.json: indices are nested too deeply")
	}
	if l.seen += len(entries); l.seen > maxDescriptors {
		return nil, nil, fmt.Errorf("index.json: there are more than %d images", maxDescriptors)
	}
	for _, d := range entries {
		switch d.MediaType {
		case ispec.MediaTypeImageIndex, dockerList:
			var index ispec.Index
			if err := l.decode(d, &index); err != nil {
				return nil, nil, err
			}
			more, platforms, err := l.manifests(index.Manifests, depth+1)
			if err != nil {
				return nil, nil, err
			}
			found, others = append(found, more...), append(others, platforms...)
		case ispec.MediaTypeImageManifest, dockerManifest, "":
			switch {
			case d.Platform != nil && d.Platform.OS == "unknown": // an attestation of BuildKit
			case d.Platform != nil && !matches(*d.Platform, l.wanted):
				others = append(others, platformText(*d.Platform))
			case !slices.ContainsFunc(found, func(f ispec.Descriptor) bool { return f.Digest == d.Digest }):
				found = append(found, d)
			}
		}
	}
	return found, others, nil
}

// read reads a manifest and the config that it names.
func (l *layout) read(d ispec.Descriptor) (*Image, error) {
	var manifest ispec.Manifest
	if err := l.decode(d, &manifest); err != nil {
		return nil, err
	}
	i := &Image{source: l.source}
	if manifest.Config.MediaType != ispec.MediaTypeImageConfig && manifest.Config.MediaType != "application/vnd.docker.container.image.v1+json" {
		return nil, fmt.Errorf("manifest %s: it is not of a container image: its config is %q", d.Digest, manifest.Config.MediaType)
	}
	if err := l.decode(manifest.Config, &i.Config); err != nil {
		return nil, err
	}
	for _, d := range manifest.Layers {
		name, err := blobName(d)
		if err != nil {
			return nil, err
		}
		if strings.HasSuffix(d.MediaType, "+encrypted") {
			return nil, fmt.Errorf("layer %s is encrypted", d.Digest)
		}
		i.layers = append(i.layers, layer{file: name, digest: d.Digest, size: d.Size})
	}
	return i, nil
}

// dockerImage finds the image with a tag in an archive of docker save, which manifest.json
// describes. It has no digests other than those of the uncompressed layers and, in its name,
// that of the config.
func dockerImage(s source, manifest []byte, tag string) (*Image, error) {
	type entry struct {
		Config           string
		RepoTags, Layers []string
	}
	var entries []entry
	if err := json.Unmarshal(manifest, &entries); err != nil {
		return nil, fmt.Errorf("manifest.json: %w", err)
	}
	var found []entry
	var tags []string
	for _, e := range entries {
		tags = append(tags, e.RepoTags...)
		if tag == "" || slices.ContainsFunc(e.RepoTags, func(t string) bool { return t == tag || strings.HasSuffix(t, ":"+tag) }) {
			found = append(found, e)
		}
	}
	switch {
	case len(found) == 0 && tag != "":
		return nil, noTag(tag, tags)
	case len(found) == 0:
		return nil, errors.New("manifest.json: there is no image")
	case len(found) > 1:
		return nil, severalImages(tags)
	}
	content, err := readMetadata(s, found[0].Config)
	if err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	named := digest.NewDigestFromEncoded(digest.SHA256, strings.TrimPrefix(strings.TrimSuffix(found[0].Config, ".json"), "blobs/sha256/"))
	if named.Validate() == nil && digest.FromBytes(content) != named {
		return nil, fmt.Errorf("config %s: the content has the digest %s", found[0].Config, digest.FromBytes(content))
	}
	i := &Image{source: s}
	if err := json.Unmarshal(content, &i.Config); err != nil {
		return nil, fmt.Errorf("config %s: %w", found[0].Config, err)
	}
	for _, name := range found[0].Layers {
		i.layers = append(i.layers, layer{file: name})
	}
	return i, nil
}
