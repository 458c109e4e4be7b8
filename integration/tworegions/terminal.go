package tworegions

import "strings"

// Terminal tells its size, asked for before each picture.
type Terminal interface {
	// Size is in characters; what is not positive is not known.
	Size() (columns, rows int)
}

// fit cuts a picture to a terminal, so that no line of it wraps and none scrolls
// away: the next picture could not be drawn over it. A side that is not positive
// is not known and cuts nothing. The cursor stays below the picture.
func fit(picture string, columns, rows int) string {
	lines := strings.Split(strings.TrimSuffix(picture, "\n"), "\n")
	if rows > 0 {
		lines = lines[:min(len(lines), max(rows-1, 1))]
	}
	if columns > 0 {
		for i, line := range lines {
			lines[i] = line[:min(len(line), max(columns-1, 1))] // a full line wraps on some terminals
		}
	}
	return strings.Join(lines, "\n") + "\n"
}
