//go:build race

package codec

// raceDetector tells that sync.Pool, which lies under every call of libopus, loses some of what it is
// given, so that the order of its use is not relied upon.
const raceDetector = true
