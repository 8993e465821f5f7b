"""Every door of the house: all url patterns of both tables and of the API, found by walking them, and whose rows their ids name."""

from dataclasses import dataclass

from django.conf import settings
from django.urls import URLPattern, get_resolver, reverse

from crm.tenancy.models import AccessToken, Event, File, Invite, Job, Seat
from groups.models import (
    Apart,
    Arrival,
    ArrivalStep,
    Bond,
    Channel,
    Cohort,
    Draft,
    Group,
    GroupCode,
    Matrix,
    Move,
    Occurrence,
    Pause,
    Pin,
    Placement,
    Push,
    Reshuffle,
    Rhythm,
    Roster,
    RosterLine,
    Slot,
    Star,
    Sticker,
    Task,
)
from members.models import Consent, CustomField, Handle, Introduction, Member, Merge, Module, Note, Renewal, Segment, Spelling, Twin, Word

# For each door that takes an id: of which model. A door that is not listed here or below fails the walk with its name.
IDS = {
    "begin:reading": {"pk": Job},
    "begin:writing": {"pk": Job},
    "begin:again": {"pk": Job},
    "begin:stop": {"pk": Job},
    "begin:discarding": {"pk": Job},
    "begin:rejected": {"pk": Job},
    "imports:one": {"pk": Job},
    "imports:columns": {"pk": Job},
    "imports:groups": {"pk": Job},
    "imports:pairs": {"pk": Job},
    "imports:writing": {"pk": Job},
    "imports:again": {"pk": Job},
    "imports:stop": {"pk": Job},
    "imports:discarding": {"pk": Job},
    "imports:undoing": {"pk": Job},
    "imports:rejected": {"pk": Job},
    "members:member": {"pk": Member},
    "members:introduction_panel": {"pk": Member},
    "members:introduction_link": {"pk": Member},
    "members:introduction_revocation": {"pk": Introduction},
    "members:introduction_return": {"pk": Introduction},
    "members:introduction_taking": {"pk": Introduction},
    "members:introduction_leaving": {"pk": Introduction},
    "members:introduction_undo": {"pk": Introduction},
    "members:introduction_photo": {"pk": Introduction},
    "members:renewal_form": {"pk": Member},
    "members:renewal": {"pk": Member},
    "members:terms_panel": {"pk": Member},
    "members:renewal_undo": {"pk": Renewal},
    "members:timeline": {"pk": Member},
    "members:edit": {"pk": Member, "section": "who"},
    "members:undo": {"pk": Member},
    "members:handles": {"pk": Member},
    "members:same": {"pk": Member},
    "members:handle_drop": {"pk": Handle},
    "members:notes": {"pk": Member},
    "members:note": {"pk": Note},
    "members:note_drop": {"pk": Note},
    "members:consents": {"pk": Member},
    "members:consent_withdrawal": {"pk": Consent},
    "members:modules": {"pk": Member},
    "members:module_drop": {"pk": Module},
    "members:photo": {"pk": Member},
    "members:photo_file": {"pk": Member, "file": File},
    "members:dossier": {"pk": Member},
    "members:erasure": {"pk": Member},
    "groups:member_tasks": {"pk": Member},
    "logo": {"pk": File},
    "members:segment": {"pk": Segment},
    "members:segment_end": {"pk": Segment},
    "members:bulk_work": {"pk": Job},
    "members:bulk_undo": {"pk": Job},
    "groups:matrix": {"pk": Matrix},
    "groups:setup_of": {"pk": Matrix},
    "groups:setup_rules": {"pk": Matrix},
    "groups:setup_weights": {"pk": Matrix},
    "groups:setup_dates": {"pk": Matrix},
    "groups:setup_undo": {"pk": Matrix},
    "groups:closing": {"pk": Group},
    "groups:reopening": {"pk": Group},
    "groups:propose": {"pk": Matrix},
    "groups:group": {"pk": Group},
    "groups:member_panel": {"pk": Member},
    "groups:moving": {"pk": Member},
    "groups:reshuffle": {"pk": Reshuffle},
    "groups:moves": {"pk": Reshuffle},
    "groups:pausing": {"pk": Reshuffle},
    "groups:resuming": {"pk": Reshuffle},
    "groups:passing": {"pk": Reshuffle},
    "groups:asking": {"pk": Reshuffle},
    "groups:late": {"pk": Reshuffle},
    "groups:swaps": {"pk": Reshuffle},
    "groups:rolling_back": {"pk": Reshuffle},
    "groups:joining": {"pk": Move},
    "groups:draft": {"pk": Draft},
    "groups:making": {"pk": Draft},
    "groups:stop": {"pk": Draft},
    "groups:approval": {"pk": Draft},
    "groups:code": {"pk": Group},
    "groups:code_picture": {"pk": GroupCode},
    "groups:code_scans": {"pk": GroupCode},
    "groups:code_drop": {"pk": GroupCode},
    "groups:roster": {"pk": Roster},
    "groups:roster_line": {"pk": Roster, "line": RosterLine},
    "groups:roster_line_reopening": {"pk": Roster, "line": RosterLine},
    "groups:roster_sole": {"pk": Roster},
    "groups:roster_booking": {"pk": Roster},
    "groups:roster_undo": {"pk": Roster},
    "groups:roster_dropping": {"pk": Roster},
    "groups:week_undo": {"pk": Event},
    "groups:week_move": {"pk": Occurrence},
    "groups:week_drop": {"pk": Occurrence},
    "groups:slot": {"pk": Slot},
    "groups:slot_drop": {"pk": Slot},
    "groups:slot_picture": {"pk": Slot},
    "groups:rhythm": {"pk": Rhythm},
    "groups:rhythm_copy": {"pk": Rhythm},
    "groups:rhythm_language": {"pk": Rhythm},
    "groups:rhythm_drop": {"pk": Rhythm},
    "groups:rhythm_follow": {"pk": Rhythm},
    "groups:pause_drop": {"pk": Pause},
    "groups:channel": {"pk": Channel},
    "groups:channel_address": {"pk": Channel},
    "groups:channel_test": {"pk": Channel},
    "groups:channel_switch": {"pk": Channel},
    "groups:channel_drop": {"pk": Channel},
    "groups:channel_preview": {"pk": Channel},
    "groups:push_settle": {"pk": Push},
    "groups:proof": {"pk": Task},
    "groups:arrival": {"pk": Arrival},
    "groups:arrival_plan": {"pk": Arrival},
    "groups:arrival_queue": {"pk": Arrival},
    "groups:arrival_off": {"pk": Arrival},
    "groups:arrival_callers": {"pk": Arrival},
    "groups:arrival_chase": {"pk": Arrival},
    "groups:arrival_answers": {"pk": Arrival},
    "groups:caller_wake": {"pk": Member},
    "groups:arrival_step_done": {"pk": ArrivalStep},
    "groups:arrival_step_skip": {"pk": ArrivalStep},
    "groups:arrival_step_undo": {"pk": ArrivalStep},
    "groups:sticker": {"pk": Sticker},
    "groups:sticker_drop": {"pk": Sticker},
    "phone:task": {"pk": Task},
    "phone:picture": {"pk": Task},
    "phone:proof": {"pk": Task},
    "trail_undo": {"pk": Event},
    "seat": {"pk": Seat},
    "seat_end": {"pk": Seat},
    "seat_return": {"pk": Seat},
    "ownership": {"pk": Seat},
    "invite_link": {"pk": Invite},
    "invite_revocation": {"pk": Invite},
    "invite_return": {"pk": Invite},
    "key_revocation": {"pk": AccessToken},
    "words:word": {"pk": Word},
    "words:alike": {"pk": Word},
    "words:acceptance": {"pk": Word},
    "words:name": {"pk": Word},
    "words:merge": {"pk": Word},
    "words:separation": {"pk": Word},
    "words:spelling": {"pk": Word},
    "words:dropping": {"pk": Word},
    "words:undo": {"pk": Word},
    "words:spelling_dropping": {"pk": Spelling},
    "words:field": {"pk": CustomField},
    "words:field_undo": {"pk": CustomField},
    "words:field_retirement": {"pk": CustomField},
    "words:field_return": {"pk": CustomField},
    "members:twin_merge": {"pk": Twin},
    "members:twin_apart": {"pk": Twin},
    "members:twin_later": {"pk": Twin},
    "members:twin_reopen": {"pk": Twin},
    "members:twin_alike": {"pk": Twin},
    "members:merge_undo": {"pk": Merge},
    "members:merged_panel": {"pk": Member},
    # API: each word of the router with its rows
    "api: tenant": {},
    "api: effort": {},
    "api: imports": {"pk": Job},
    "api: members": {"pk": Member},
    "api: notes": {"pk": Note},
    "api: consents": {"pk": Consent},
    "api: modules": {"pk": Module},
    "api: introductions": {"pk": Introduction},
    "api: handles": {"pk": Handle},
    "api: segments": {"pk": Segment},
    "api: renewals": {"pk": Renewal},
    "api: words": {"pk": Word},
    "api: spellings": {"pk": Spelling},
    "api: fields": {"pk": CustomField},
    "api: matrices": {"pk": Matrix},
    "api: groups": {"pk": Group},
    "api: twins": {"pk": Twin},
    "api: merges": {"pk": Merge},
    "api: cohorts": {"pk": Cohort},
    "api: placements": {"pk": Placement},
    "api: jobs": {"pk": Job},
    "api: rhythms": {"pk": Rhythm},
    "api: slots": {"pk": Slot},
    "api: pauses": {"pk": Pause},
    "api: occurrences": {"pk": Occurrence},
    "api: pins": {"pk": Pin},
    "api: bonds": {"pk": Bond},
    "api: aparts": {"pk": Apart},
    "api: stars": {"pk": Star},
    "api: reshuffles": {"pk": Reshuffle},
    "api: rosters": {"pk": Roster},
    "api: codes": {"pk": GroupCode},
    "api: drafts": {"pk": Draft},
    "api: moves": {"pk": Move},
    "api: tasks": {"pk": Task},
    "api: arrivals": {"pk": Arrival},
    "api: arrival-steps": {"pk": ArrivalStep},
    "api: stickers": {"pk": Sticker},
    "api: channels": {"pk": Channel},
    "api: pushes": {"pk": Push},
    "api: events": {"pk": Event},
    "api: keys": {"pk": AccessToken},
    "api: me": {},
    "api: evenings": {},
    "api: seats": {"pk": Seat},
    "api: invites": {"pk": Invite},
}

# Pages of a tenant that take no id.
LISTS = {
    "begin:files", "begin:groups", "begin:sample_members", "begin:sample_cohorts", "begin:dismissal", "begin:return",
    "settings", "settings_address", "settings_colour", "settings_logo", "settings_preview", "settings_undo", "settings_zone",
    "hidden_fields", "hidden_fields_undo",
    "keys", "new_key", "today", "palette", "trail", "trail_export",
    "members:terms", "imports:list", "members:introductions", "members:introduction_links",
    "members:list", "members:export", "groups:matrices", "groups:reshuffles", "groups:tasks", "groups:hand_over", "groups:talk",
    "members:new", "groups:setup", "groups:setup_add",
    "members:segment_undo", "members:bulk",
    "words:list", "words:add", "words:taking_in", "words:fields", "words:field_add", "words:field_order",
    "members:twins", "members:twins_look", "members:merges_undo",
    "groups:rosters", "groups:week", "groups:week_mending", "groups:slot_add", "groups:slot_preview", "groups:rhythms",
    "groups:pauses", "phone:today", "phone:ticks", "phone:me", "phone:manifest", "phone:worker", "seats", "invites", "leave",
    "groups:arrivals", "groups:arrivals_fill", "groups:arrivals_put_off", "groups:arrival_new", "groups:arrival_wait",
    "groups:arrival_urgent",
    "groups:evenings", "groups:sticker_add", "phone:arrivals",
    "groups:channels", "groups:channel_add", "groups:pushes",
}  # fmt: skip

# Doors outside any tenant; each reads the signed-in user at most, or finds a row by a secret. `OPEN` ones answer anybody.
OUTSIDE = {
    "hello", "hello_draft", "hello_photo", "hello_words",
    "look", "logo_outside", "start", "api_docs", "first_sign_in", "invite", "set_language", "api: schema", "demo_mail", "demo_mail_html",
    "account_login", "account_logout", "account_signup", "account_sign_up_sent", "account_inactive", "account_reauthenticate",
    "account_change_password", "account_set_password", "account_reset_password", "account_reset_password_done",
    "account_reset_password_from_key", "account_reset_password_from_key_done",
    "account", "account_end_session", "account_end_other_sessions",
    "mfa_index", "mfa_authenticate", "mfa_reauthenticate", "mfa_activate_totp", "mfa_deactivate_totp",
    "mfa_view_recovery_codes", "mfa_generate_recovery_codes", "mfa_download_recovery_codes",
    "mfa_list_webauthn", "mfa_add_webauthn", "mfa_edit_webauthn", "mfa_remove_webauthn", "mfa_reauthenticate_webauthn",
    "mfa_login_webauthn",
}  # fmt: skip
OPEN = OUTSIDE - {
    "start", "account_reauthenticate", "account_change_password", "account_set_password",
    "account", "account_end_session", "account_end_other_sessions",
    "mfa_reauthenticate", "mfa_activate_totp", "mfa_deactivate_totp",
    "mfa_view_recovery_codes", "mfa_generate_recovery_codes", "mfa_download_recovery_codes",
    "mfa_add_webauthn", "mfa_edit_webauthn", "mfa_remove_webauthn", "mfa_reauthenticate_webauthn",
}  # fmt: skip

# Doors whose answer is a file.
EXPORTS = {
    "members:export", "members:dossier", "trail_export", "begin:rejected", "imports:rejected",
    "begin:sample_members", "begin:sample_cohorts", "mfa_download_recovery_codes",
}  # fmt: skip

# What appeared and no walk covers, by its kind; with the reason, and for as short as can be.
NOT_WALKED = {}

METHODS = ["get", "post", "put", "patch", "delete"]


@dataclass(frozen=True)
class Door:
    name: str
    route: str
    view: object
    words: tuple  # what its address asks for
    in_tenant: bool

    @property
    def is_api(self):
        return self.route.startswith("api/v1/")

    @property
    def is_listed(self):
        return self.models is not None or self.name in (OUTSIDE if not self.in_tenant else LISTS)

    @property
    def models(self):
        """{word of the address: model}; None where nobody said."""
        if self.is_api and self.name not in OUTSIDE:
            models = IDS.get("api: " + self.route.removeprefix("api/v1/").partition("/")[0])
            return models if models is None or self.words else {}
        if not self.words:
            return {} if self.name in LISTS else None
        models = IDS.get(self.name)
        return models if models and models.keys() == set(self.words) else None

    @property
    def asks_for_rows(self):
        return bool(self.models)

    def ids(self, rows):
        return {word: of if isinstance(of, str) else str(rows[of].pk) for word, of in (self.models or {}).items()}

    def path(self, rows):
        """Its address with the ids of these rows, without the tenant's slug."""
        ids = {word: "0" if f"<int:{word}>" in self.route else "nonsense" for word in self.words} | self.ids(rows)
        name = self.name.removeprefix("api: ")
        return reverse(name, urlconf=settings.TENANT_URLCONF if self.in_tenant else settings.ROOT_URLCONF, kwargs=ids)


def unwalked(kind, found, walked):
    """What of this kind is there and no walk knows."""
    return sorted(set(found) - set(walked) - set(NOT_WALKED.get(kind, {})))


def doors():
    """All of them: pages of a tenant, then the rest."""
    return [*_walk(get_resolver(settings.TENANT_URLCONF), True), *_walk(get_resolver(settings.ROOT_URLCONF), False)]


def _walk(resolver, in_tenant, route="", namespaces=(), words=()):
    for each in resolver.url_patterns:
        whole = route + str(each.pattern)
        asked = (*words, *each.pattern.regex.groupindex)
        if not isinstance(each, URLPattern):
            spaces = (*namespaces, each.namespace) if each.namespace else namespaces
            yield from _walk(each, in_tenant, whole, spaces, asked)
            continue
        plain = whole.replace("^", "").replace("$", "").replace("\\Z", "")
        name = ":".join([*namespaces, each.name]) if each.name else f"(no name) {plain}"
        if plain.startswith("api/v1/"):
            name = f"api: {name}"
        yield Door(name, plain, each.callback, asked, in_tenant)


def pages():
    return [door for door in doors() if door.in_tenant]


def api_doors():
    return [door for door in doors() if door.is_api and door.name not in OUTSIDE]
