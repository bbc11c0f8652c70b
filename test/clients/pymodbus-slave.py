"""A Modbus slave by pymodbus as Debian has it: unit 1, each register holds its own address. Arguments: port, and `tcp` or `rtu`."""
import sys

from pymodbus.datastore import ModbusSequentialDataBlock, ModbusServerContext, ModbusSlaveContext
from pymodbus.server import StartTcpServer
from pymodbus.transaction import ModbusRtuFramer, ModbusSocketFramer

port, framing = sys.argv[1:]


def block():
    return ModbusSequentialDataBlock(0, list(range(1_000)))


slave = ModbusSlaveContext(di=block(), co=block(), hr=block(), ir=block(), zero_mode=True)
StartTcpServer(
    context=ModbusServerContext(slaves={1: slave}, single=False),
    framer={"tcp": ModbusSocketFramer, "rtu": ModbusRtuFramer}[framing],
    address=("127.0.0.1", int(port)),
)
