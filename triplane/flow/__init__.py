"""How facts travel: the log beside each journal, the wire between processes, the bus inside one."""
