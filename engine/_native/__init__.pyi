from . import codec as codec
from . import media as media
