/** How a new MQTT profile begins. */

export const template = `
mqtt:
  topic: FILL_IN/{device}/up # {device} is the device's own name; + and a last # are allowed
  payload: json # json, tlv (binary in a network server's JSON), native (our own reading object)
  time: { path: /ts, format: unix-s } # unix-s unix-ms rfc3339 local; without it the time of arrival counts
  every: 1h # how often a healthy device sends

# range is what can be true, not what is allowed; unit only when the device's own unit differs from ours.
metrics:
  - { key: fill, quantity: bin.fill-level, from: { path: /fill }, range: [0, 100] }
  - { key: battery, quantity: power.voltage, from: { path: /mv }, unit: mV, range: [2, 4.5], optional: true }

# At least one frame with all its readings, and one that must be refused. Take payloads from the device or its manual.
examples:
  - name: an ordinary message
    frame: { payload: 'FILL_IN' } # such as '{"ts":1767225600,"fill":52,"mv":3620}'
    at: 2026-01-01T00:00:00Z
    readings: { fill: 52, battery: 3.62 }
  - name: not JSON
    frame: { payload: BOOT }
    error: payload-not-json
`;
