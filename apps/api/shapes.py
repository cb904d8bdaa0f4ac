"""The shapes of answers that are no rows of the database: series, indicators, the client. They only describe."""

from typing import Any

from rest_framework import serializers


class PointsSerializer(serializers.Serializer[Any]):
    """Describes day-channel and period-channel objects for OpenAPI; points.py makes them."""

    id = serializers.RegexField("^[0-9a-f]{24}$")
    deviceId = serializers.UUIDField()
    deviceType = serializers.ChoiceField(["Datasource", "Component", "MppTracker", "ModuleString"])
    name = serializers.CharField()
    dataPoints = serializers.DictField(child=serializers.FloatField(allow_null=True))
    date = serializers.CharField()
    unit = serializers.CharField()
    completeness = serializers.FloatField(min_value=0, max_value=1)


class KpiSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    date = serializers.CharField()
    value = serializers.FloatField(allow_null=True)
    unit = serializers.CharField()
    formula = serializers.CharField()
    inputs = serializers.DictField(child=serializers.FloatField(allow_null=True))
    completeness = serializers.FloatField(min_value=0, max_value=1)
    reason = serializers.CharField(allow_null=True)


class QuotaWindowSerializer(serializers.Serializer[Any]):
    window = serializers.ChoiceField(["minute", "day"])
    limit = serializers.IntegerField()
    used = serializers.IntegerField()
    remaining = serializers.IntegerField()
    reset = serializers.DateTimeField()


class CostSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    cost = serializers.IntegerField(help_text="Units of quota a call costs, or so many days of it cost.")
    daysPerCost = serializers.IntegerField(allow_null=True, help_text="null: the cost does not depend on days.")


class MeClientSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    expires = serializers.DateTimeField(allow_null=True)
    tokenExpires = serializers.DateTimeField()
    plants = serializers.ListField(
        child=serializers.UUIDField(), allow_null=True, help_text="null: all plants of the user or portal."
    )
    networks = serializers.ListField(child=serializers.CharField(), help_text="Empty: from anywhere.")


class MeSerializer(serializers.Serializer[Any]):
    portal = serializers.CharField()
    api = serializers.ChoiceField(["user", "portal"])
    package = serializers.CharField()
    functions = serializers.ListField(child=serializers.CharField())
    costs = CostSerializer(many=True)
    quota = QuotaWindowSerializer(many=True)
    client = MeClientSerializer()
