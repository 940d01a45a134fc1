"""Write a folder that describes processes as `/proc` does."""


def process(proc, pid, parent, comm="bash", environ="", cgroup="", tty=0, cmdline="", **more):
    folder = proc / str(pid)
    folder.mkdir(parents=True)
    users = "\t".join(map(str, more.get("users", (0,) * 4)))
    folder.joinpath("status").write_text(f"Name:\tx\nUid:\t{users}\nGid:\t0\n")
    folder.joinpath("loginuid").write_text(str(more.get("login", 2**32 - 1)))
    folder.joinpath("comm").write_text(comm + "\n")
    folder.joinpath("environ").write_bytes(environ.encode())
    folder.joinpath("cgroup").write_text(cgroup)
    folder.joinpath("cmdline").write_bytes(cmdline.encode())
    # A name that tries to look like other fields, then the fields that Linux writes.
    others = " ".join("0" * 14)
    text = f"{pid} ({comm}) 1 2) S {parent} 1 1 {tty} {others} {100 + pid} 0 0"
    folder.joinpath("stat").write_text(text)
    return str(proc)
