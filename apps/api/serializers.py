"""The shapes of answers. Master data run through these; points never do (see points.py), theirs only describe."""

from collections.abc import Mapping
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.events.models import ComponentEvent
from apps.measurements.channels import BY_NAME
from apps.plants.models import Address, Component, Contact, Fleet, ModuleString, MppTracker, Plant

EMPTY_ADDRESS = {
    "id": "",
    "street": "",
    "houseNumber": "",
    "postalCode": "",
    "city": "",
    "country": "",
}


class AddressSerializer(serializers.ModelSerializer[Address]):
    id = serializers.CharField()  # empty where there is no address
    houseNumber = serializers.CharField(source="house_number")
    postalCode = serializers.CharField(source="postal_code")

    class Meta:
        model = Address
        fields: ClassVar = ["id", "street", "houseNumber", "postalCode", "city", "country"]


def address_of(owner: Plant | Contact) -> Mapping[str, Any]:
    """The address of a plant or contact; all fields empty where none is filled in."""
    return AddressSerializer(owner.address).data if owner.address else EMPTY_ADDRESS


class ContactSerializer(serializers.ModelSerializer[Contact]):
    lastName = serializers.CharField(source="last_name")
    firstName = serializers.CharField(source="first_name")
    email = serializers.CharField()
    phoneNumber = serializers.CharField(source="phone_number")
    mobilePhoneNumber = serializers.CharField(source="mobile_phone_number")
    address = serializers.SerializerMethodField()
    role = serializers.SerializerMethodField()

    class Meta:
        model = Contact
        fields: ClassVar = [
            "id",
            "lastName",
            "firstName",
            "company",
            "email",
            "phoneNumber",
            "mobilePhoneNumber",
            "address",
            "comment",
            "role",
        ]

    @extend_schema_field(AddressSerializer)
    def get_address(self, contact: Contact) -> Mapping[str, Any]:
        return address_of(contact)

    def get_role(self, contact: Contact) -> str | None:
        return contact.role or None


class TransferSerializer(serializers.Serializer[Any]):
    lastTransfer = serializers.DateTimeField(allow_null=True)
    lastTransferType = serializers.ChoiceField(["HTTP", "FTP", "IMPORT", ""])


class PlantSerializer(serializers.ModelSerializer[Plant]):
    """List form. What the original holds and we do not is present with its empty value."""

    ffufId = serializers.SerializerMethodField()
    plantSize = serializers.IntegerField(source="size")
    createdAt = serializers.SerializerMethodField()
    functionalities = serializers.SerializerMethodField()
    firmwareDate = serializers.SerializerMethodField()
    firmwareVersion = serializers.CharField(source="firmware")
    deviceFullName = serializers.CharField(source="device_name")
    lastDataTransfer = serializers.SerializerMethodField()
    configStatus = serializers.SerializerMethodField()
    fleetCount = serializers.SerializerMethodField()
    address = serializers.SerializerMethodField()
    plantCreator = serializers.SerializerMethodField()
    crcVersion = serializers.SerializerMethodField()
    componentsClasses = serializers.SerializerMethodField()
    componentsTypes = serializers.SerializerMethodField()

    class Meta:
        model = Plant
        fields: ClassVar = [
            "id",
            "ffufId",
            "label",
            "plantSize",
            "createdAt",
            "functionalities",
            "firmware",
            "firmwareDate",
            "firmwareVersion",
            "deviceFullName",
            "vendor",
            "identifier",
            "lastDataTransfer",
            "configStatus",
            "fleetCount",
            "latitude",
            "longitude",
            "address",
            "plantCreator",
            "crcVersion",
            "componentsClasses",
            "componentsTypes",
        ]

    def get_ffufId(self, plant: Plant) -> int:
        return 0

    def get_createdAt(self, plant: Plant) -> str:
        return plant.created_at.isoformat(timespec="seconds")

    def get_functionalities(self, plant: Plant) -> list[str]:
        return []

    def get_firmwareDate(self, plant: Plant) -> str:
        return plant.firmware_date.strftime("%d.%m.%Y") if plant.firmware_date else ""

    @extend_schema_field(TransferSerializer)
    def get_lastDataTransfer(self, plant: Plant) -> Mapping[str, Any]:
        last = plant.last_transfer and plant.last_transfer.astimezone(plant.zone).isoformat(timespec="seconds")
        return {"lastTransfer": last, "lastTransferType": plant.last_transfer_type}

    def get_configStatus(self, plant: Plant) -> int:
        return 0

    def get_fleetCount(self, plant: Plant) -> int:
        return int(self.context["fleet_counts"].get(plant.pk, 0))

    @extend_schema_field(AddressSerializer)
    def get_address(self, plant: Plant) -> Mapping[str, Any]:
        return address_of(plant)

    def get_plantCreator(self, plant: Plant) -> int:
        return 0

    def get_crcVersion(self, plant: Plant) -> int:
        return 0

    def get_componentsClasses(self, plant: Plant) -> list[str]:
        return list(self.context["kinds"][plant.pk].classes)

    def get_componentsTypes(self, plant: Plant) -> list[str]:
        return list(self.context["kinds"][plant.pk].types)


class PlantDetailSerializer(PlantSerializer):
    """Detail form: the list form's fields and what only one plant's page shows."""

    plantStatus = serializers.CharField(source="status")
    installationDate = serializers.SerializerMethodField()
    plantCost = serializers.FloatField(source="plant_cost", allow_null=True)
    electricityCost = serializers.FloatField(source="electricity_cost", allow_null=True)
    package = serializers.SerializerMethodField()

    class Meta(PlantSerializer.Meta):
        fields: ClassVar = [
            *PlantSerializer.Meta.fields,
            "plantStatus",
            "installationDate",
            "plantCost",
            "electricityCost",
            "package",
            "timezone",
        ]

    def get_installationDate(self, plant: Plant) -> str:
        return f"{plant.installation_date}T00:00:00+00:00" if plant.installation_date else ""

    def get_package(self, plant: Plant) -> str:
        return ""


class FleetSerializer(serializers.ModelSerializer[Fleet]):
    plantCount = serializers.IntegerField(source="plant_count")
    size = serializers.IntegerField()
    createdAt = serializers.SerializerMethodField()

    class Meta:
        model = Fleet
        fields: ClassVar = ["id", "label", "description", "plantCount", "size", "createdAt"]

    def get_createdAt(self, fleet: Fleet) -> str:
        return fleet.created_at.isoformat(timespec="seconds")


class FleetReferenceSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()


def offered(part: Component | MppTracker) -> list[str]:
    """The channels a part delivers, each followed by its normalised form where there is one."""
    normalised = {name: f"{name}Norm" for name in part.channels if f"{name}Norm" in BY_NAME and part.size}
    return [name for channel in part.channels for name in (channel, normalised.get(channel)) if name]


class ModuleStringSerializer(serializers.ModelSerializer[ModuleString]):
    stringindex = serializers.IntegerField(source="index")
    visualizationChannels = serializers.ListField(source="channels", child=serializers.CharField())

    class Meta:
        model = ModuleString
        fields: ClassVar = ["id", "name", "stringindex", "size", "visualizationChannels"]


class ModuleFieldSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    label = serializers.CharField()  # type: ignore[assignment]
    index = serializers.IntegerField()
    orientation = serializers.FloatField(allow_null=True)
    tilt = serializers.FloatField(allow_null=True)
    monitored = serializers.BooleanField()


class MppTrackerSerializer(serializers.ModelSerializer[MppTracker]):
    trackerindex = serializers.IntegerField(source="index")
    name = serializers.CharField(source="__str__")
    moduleField = serializers.SerializerMethodField()
    moduleStrings = ModuleStringSerializer(source="strings", many=True)
    visualizationChannels = serializers.SerializerMethodField()

    class Meta:
        model = MppTracker
        fields: ClassVar = [
            "id",
            "trackerindex",
            "name",
            "size",
            "moduleField",
            "moduleStrings",
            "visualizationChannels",
        ]

    def get_visualizationChannels(self, tracker: MppTracker) -> list[str]:
        return offered(tracker)

    @extend_schema_field(ModuleFieldSerializer)
    def get_moduleField(self, tracker: MppTracker) -> Mapping[str, Any]:
        index = tracker.field_index or tracker.index
        return {
            "id": str(tracker.pk),
            "label": str(index),
            "index": index,
            "orientation": tracker.orientation,
            "tilt": tracker.tilt,
            "monitored": tracker.monitored,
        }


class ComponentSerializer(serializers.ModelSerializer[Component]):
    crossEpochId = serializers.UUIDField(source="cross_epoch_id")
    classes = serializers.ListField(child=serializers.CharField())
    sortOrder = serializers.IntegerField(source="sort_order")
    epochActiveFrom = serializers.DateField(source="epoch.active_from")
    visualizationChannels = serializers.SerializerMethodField()
    moduleField = serializers.SerializerMethodField()
    moduleStrings = serializers.SerializerMethodField()
    mpptrackers = MppTrackerSerializer(source="trackers", many=True)

    class Meta:
        model = Component
        fields: ClassVar = [
            "id",
            "crossEpochId",
            "type",
            "classes",
            "name",
            "dataindex",
            "sortOrder",
            "vendor",
            "serial",
            "size",
            "epochActiveFrom",
            "visualizationChannels",
            "moduleField",
            "moduleStrings",
            "mpptrackers",
        ]

    def get_visualizationChannels(self, component: Component) -> list[str]:
        return offered(component)

    @extend_schema_field({"type": "null"})
    def get_moduleField(self, component: Component) -> None:
        return None  # module fields belong to trackers; the original has the key on components too

    @extend_schema_field(ModuleStringSerializer(many=True))
    def get_moduleStrings(self, component: Component) -> Any:
        untracked = [string for string in component.strings.all() if string.tracker_id is None]
        return ModuleStringSerializer(untracked, many=True).data


class EpochSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    activeFrom = serializers.DateField(source="first_day")
    activeTo = serializers.DateField(source="last_day", allow_null=True)


class CodeSerializer(serializers.Serializer[Any]):
    code = serializers.IntegerField()
    text = serializers.CharField()


class EventSerializer(serializers.Serializer[Any]):
    """`from` is a word of Python, so it is declared where fields are collected."""

    id = serializers.UUIDField()
    componentId = serializers.UUIDField(allow_null=True)
    crossEpochId = serializers.UUIDField()
    to = serializers.DateTimeField(allow_null=True)
    status = CodeSerializer()
    error = CodeSerializer()
    severity = serializers.ChoiceField(ComponentEvent.Severity.values)

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return {**super().get_fields(), "from": serializers.DateTimeField()}


class PlantSummarySerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    label = serializers.CharField()  # type: ignore[assignment]
    vendor = serializers.CharField()
    fleets = FleetReferenceSerializer(many=True)
    healthStatus = serializers.ChoiceField(Plant.Health.values)
    deviceFullName = serializers.CharField()
    targetPercentage = serializers.FloatField(allow_null=True)
    migrationInProgress = serializers.BooleanField()
    size = serializers.IntegerField()
    componentsClasses = serializers.ListField(child=serializers.CharField())
