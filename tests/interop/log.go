// Checks a running node's checkpoint and tiles with golang.org/x/mod/sumdb, the code of Go's own
// module transparency.
//
// Arguments: the node's URL, and the folder with log.vkey, cosigners (a key a line), an older
// checkpoint and an entry with its number.
package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

// cosigner verifies cosignature/v1, which the package does not know itself.
type cosigner struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

func (c cosigner) Name() string    { return c.name }
func (c cosigner) KeyHash() uint32 { return c.hash }
func (c cosigner) Verify(msg, sig []byte) bool {
	if len(sig) != 72 {
		return false
	}
	time := binary.BigEndian.Uint64(sig)
	signed := fmt.Sprintf("cosignature/v1\ntime %d\n%s", time, msg)
	return ed25519.Verify(c.key, []byte(signed), sig[8:])
}

func parseCosigner(vkey string) cosigner {
	parts := strings.SplitN(vkey, "+", 3)
	raw := must(base64.StdEncoding.DecodeString(parts[2]))
	if raw[0] != 4 || len(raw) != 33 {
		log.Fatal("not a cosigner's key: ", vkey)
	}
	digest := sha256.Sum256(append([]byte(parts[0]+"\n"), raw...))
	hash := binary.BigEndian.Uint32(digest[:])
	if fmt.Sprintf("%08x", hash) != parts[1] {
		log.Fatal("key id of ", vkey)
	}
	return cosigner{parts[0], hash, ed25519.PublicKey(raw[1:])}
}

type tiles struct{ base string }

func (t tiles) Height() int             { return 8 }
func (t tiles) SaveTiles([]tlog.Tile, [][]byte) {}
func (t tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range wanted {
		path := strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
		data, err := get(t.base + "/" + path)
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}

func get(url string) ([]byte, error) {
	answer, err := http.Get(url)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if answer.StatusCode != 200 {
		return nil, fmt.Errorf("%s: %s", url, answer.Status)
	}
	return body, err
}

func tree(text string) tlog.Tree {
	lines := strings.Split(text, "\n")
	hash := must(tlog.ParseHash(lines[2]))
	return tlog.Tree{N: must(strconv.ParseInt(lines[1], 10, 64)), Hash: hash}
}

func main() {
	base, folder := os.Args[1], os.Args[2]
	file := func(name string) string {
		return string(must(os.ReadFile(filepath.Join(folder, name))))
	}
	verifiers := []note.Verifier{must(note.NewVerifier(strings.TrimSpace(file("log.vkey"))))}
	for _, line := range strings.Fields(file("cosigners")) {
		verifiers = append(verifiers, parseCosigner(line))
	}
	known := note.VerifierList(verifiers...)

	signed := must(get(base + "/checkpoint"))
	checkpoint := must(note.Open(signed, known))
	if got, quorum := len(checkpoint.Sigs)-1, (len(verifiers)-1)*2/3+1; got < quorum {
		log.Fatalf("%d cosignatures, %d needed", got, quorum)
	}
	changed := bytes.Replace(signed, []byte("\n"), []byte("x\n"), 1)
	if _, err := note.Open(changed, known); err == nil {
		log.Fatal("a changed checkpoint was accepted")
	}

	now := tree(checkpoint.Text)
	reader := tlog.TileHashReader(now, tiles{base})
	number := must(strconv.ParseInt(strings.TrimSpace(file("leaf.number")), 10, 64))
	entry := tlog.RecordHash([]byte(file("leaf.cose")))
	proof := must(tlog.ProveRecord(now.N, number, reader))
	if err := tlog.CheckRecord(proof, now.N, now.Hash, number, entry); err != nil {
		log.Fatal("inclusion: ", err)
	}
	if tlog.CheckRecord(proof, now.N, now.Hash, number+1, entry) == nil {
		log.Fatal("another place was accepted")
	}
	older := tree(must(note.Open([]byte(file("checkpoint.old")), known)).Text)
	growth := must(tlog.ProveTree(now.N, older.N, reader))
	if err := tlog.CheckTree(growth, now.N, now.Hash, older.N, older.Hash); err != nil {
		log.Fatal("consistency: ", err)
	}
	fmt.Printf("%d cosignatures, inclusion of leaf %d in %d, consistency with %d verified\n",
		len(checkpoint.Sigs)-1, number, now.N, older.N)
}
