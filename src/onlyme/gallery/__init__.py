"""Rotated templates of many people come in; the nearest to a probe go out.

A store keeps rows and finds the nearest ones. It never sees a name, a key or a vector of
the network: `onlyme.gallery.gallery` turns people into rows and back.
"""
