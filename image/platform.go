package image

import (
	"fmt"
	"runtime"
	"strings"

	ispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// parsePlatform parses OS/ARCH[/VARIANT].
func parsePlatform(text string) (ispec.Platform, error) {
	if text == "" {
		return ispec.Platform{OS: "linux", Architecture: runtime.GOARCH}, nil
	}
	parts := strings.Split(text, "/")
	if len(parts) < 2 || len(parts) > 3 || parts[0] == "" || parts[1] == "" {
		return ispec.Platform{}, fmt.Errorf("invalid platform %q: not of the form OS/ARCHITECTURE[/VARIANT], such as linux/arm64", text)
	}
	p := ispec.Platform{OS: parts[0], Architecture: parts[1]}
	if len(parts) == 3 {
		p.Variant = parts[2]
	}
	return p, nil
}

// matches reports whether an image for one platform is wanted. A config may leave out its
// platform.
func matches(is, wanted ispec.Platform) bool {
	return (is.OS == "" || is.OS == wanted.OS) && (is.Architecture == "" || is.Architecture == wanted.Architecture) &&
		(wanted.Variant == "" || is.Variant == "" || is.Variant == wanted.Variant)
}

func platformText(p ispec.Platform) string {
	text := p.OS + "/" + p.Architecture
	if p.Variant != "" {
		text += "/" + p.Variant
	}
	return text
}
