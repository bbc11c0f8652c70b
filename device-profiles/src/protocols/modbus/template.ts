/** How a new Modbus profile begins. */

export const template = `
modbus:
  every: 60s # how often a gateway polls
  wordOrder: ABCD # ABCD CDAB BADC DCBA; A is the most significant byte
  blocks:
    # 0-based addresses as on the wire: "40501" and "501" are address 500.
    values: { table: holding, address: 0, count: 2 } # coil discrete holding input

# range is what can be true, not what is allowed; unit only when the device's own unit differs from ours.
# Where the manual names registers for "no value", list them as they are read: absent: [0xFFFF] (for int16: 0x7FFF or -32768), optional: true
metrics:
  - { key: temperature, quantity: water.temperature, from: { block: values, at: 0, type: int16 }, scale: 0.1, range: [-5, 60] }
  - { key: level, quantity: water.level, from: { block: values, at: 1, type: uint16 }, unit: mm, range: [0, 10] }

# At least one frame with all its readings, and one that must be refused. Take bytes from the device or its manual.
examples:
  - name: an ordinary frame
    frame: { values: "FILL_IN" } # words in hex, such as "00B7 06E5"; bits as "110"
    readings: { temperature: 18.3, level: 1.765 }
  - name: answer cut short
    frame: { values: "00B7" }
    error: frame-too-short
`;
