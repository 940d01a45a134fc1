"""A real RTSP server that plays pictures again and again; run by Debian's own Python.

    python3 rtsp_server.py PORT FOLDER USER PASSWORD

FOLDER holds pictures 0000.jpg, 0001.jpg, … With a USER the server asks for the password.
"""

import sys


def main(port: str, folder: str, user: str, password: str) -> None:
    import gi  # which only Debian's own Python has

    gi.require_version("Gst", "1.0")
    gi.require_version("GstRtspServer", "1.0")
    from gi.repository import GLib, Gst, GstRtspServer

    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(port)
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(
        f"( multifilesrc location={folder}/%04d.jpg loop=true "
        "caps=image/jpeg,framerate=15/1 ! jpegparse ! identity sync=true ! rtpjpegpay name=pay0 )"
    )
    factory.set_shared(True)
    if user:
        auth = GstRtspServer.RTSPAuth()
        token = GstRtspServer.RTSPToken()
        token.set_string("media.factory.role", "user")
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic(user, password), token)
        server.set_auth(auth)
        permissions = GstRtspServer.RTSPPermissions()
        permissions.add_permission_for_role("user", "media.factory.access", True)
        permissions.add_permission_for_role("user", "media.factory.construct", True)
        factory.set_permissions(permissions)
    server.get_mount_points().add_factory("/live", factory)
    server.attach(None)
    print("ready", flush=True)  # noqa: T201 - the test waits for it
    GLib.MainLoop().run()


if __name__ == "__main__":
    main(*sys.argv[1:5])
