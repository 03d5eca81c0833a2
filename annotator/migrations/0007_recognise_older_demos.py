"""Marks the demo of before 0006, told from a clinic's own rows by the audit trail.

The demo wrote entries that no page can write so: a person without an actor who is no
administrator; an administrator followed at once by such a person; a project followed at
once, within seconds, by exactly the demo's members. What is in doubt stays unmarked: a
reset then refuses and names it.
"""

from datetime import timedelta

from django.db import migrations

PROJECTS = {
    "notas-clinicas": {"garcia": "annotator", "reyes": "reviewer"},
    "notes-cliniques": {"moreau": "annotator", "reyes": "reviewer"},
    "consultations": {
        "garcia": "annotator",
        "moreau": "annotator",
        "reyes": "reviewer",
    },
}
PEOPLE = ("garcia", "moreau", "reyes")
ADMIN = "admin"
# One transaction of a slow machine; nobody fills in three pages in it.
AT_ONCE = timedelta(seconds=5)


def mark(apps, schema_editor):
    User = apps.get_model("annotator", "User")
    Project = apps.get_model("annotator", "Project")
    AuditEntry = apps.get_model("annotator", "AuditEntry")

    def first(action, subject):
        entries = AuditEntry.objects.filter(action=action, subject=subject)
        return entries.order_by("id").first()

    def after(entry, n):
        return list(AuditEntry.objects.filter(id__gt=entry.id).order_by("id")[:n])

    def made_person(entry):
        return (
            entry is not None
            and entry.action == "account.create"
            and entry.actor_id is None
            and entry.details.get("admin") is False
        )

    for user in User.objects.filter(username__in=PEOPLE):
        if made_person(first("account.create", f"user:{user.pk}")):
            User.objects.filter(pk=user.pk).update(is_demo=True)
    for user in User.objects.filter(username=ADMIN):
        made = first("account.create", f"user:{user.pk}")
        if made is not None and made.actor_id is None and any(
            made_person(entry) for entry in after(made, 1)
        ):
            User.objects.filter(pk=user.pk).update(is_demo=True)
    for project in Project.objects.filter(slug__in=PROJECTS):
        subject = f"project:{project.pk}"
        made = first("project.create", subject)
        if made is None:
            continue
        wanted = PROJECTS[project.slug]
        found = [
            (e.details.get("user"), e.details.get("role"))
            for e in after(made, len(wanted))
            if e.action == "member.set"
            and e.subject == subject
            and e.actor_id == made.actor_id
            and e.at - made.at < AT_ONCE
        ]
        people = dict(User.objects.filter(username__in=wanted).values_list("pk", "username"))
        if {people.get(pk): role for pk, role in found} == wanted:
            Project.objects.filter(pk=project.pk).update(is_demo=True)


class Migration(migrations.Migration):

    dependencies = [
        ('annotator', '0006_mark_the_demo'),
    ]

    operations = [
        # Backwards the columns go with 0006.
        migrations.RunPython(mark, migrations.RunPython.noop),
    ]
