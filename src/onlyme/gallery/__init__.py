"""Keep rotated templates of many people, and find those that are nearest to a face.

A store keeps rows and finds the nearest ones. It never sees a name, a key or a vector of
the network: `onlyme.gallery.gallery` turns people into rows and back.
"""
