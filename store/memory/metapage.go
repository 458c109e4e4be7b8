package memory

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"io"
	"os"
)

// databasePage is the page size of databases, fixed so that a directory can move between machines.
const databasePage = 4096

// checkMetaPages holds that both meta pages of a bbolt database are whole and
// neighbours. bbolt writes them in turn and opens with the other one when the
// newest is broken, which after damage would be an older state without a word.
// A commit that is cut short does not break one: what a meta page holds fits
// in a disk sector. It returns the number of the newest transaction.
func checkMetaPages(path string) (uint64, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	var pages [2 * databasePage]byte
	if _, err := io.ReadFull(f, pages[:]); err != nil {
		return 0, fmt.Errorf("meta pages: %w", err)
	}
	// A page has 16 bytes of header, first its number; its meta has the number of
	// the transaction at byte 48 and at 56 the FNV-1a hash of what precedes.
	var txs [2]uint64
	for i := range txs {
		page := pages[i*databasePage:]
		meta := page[16 : 16+64]
		sum := fnv.New64a()
		sum.Write(meta[:56])
		txs[i] = binary.NativeEndian.Uint64(meta[48:])
		if sum.Sum64() != binary.NativeEndian.Uint64(meta[56:]) || binary.NativeEndian.Uint64(page) != uint64(i) || txs[i]%2 != uint64(i) {
			return 0, fmt.Errorf("meta page %d is broken", i)
		}
	}
	if d := int64(txs[0] - txs[1]); d != 1 && d != -1 {
		return 0, fmt.Errorf("meta pages of transactions %d and %d", txs[0], txs[1])
	}
	return max(txs[0], txs[1]), nil
}
