from whitenoise.storage import CompressedManifestStaticFilesStorage


class Collected(CompressedManifestStaticFilesStorage):
    """A script that names another one names it by what is in it, as a page does: never a new one beside an old one."""

    support_js_module_import_aggregation = True
