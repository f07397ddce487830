"""A rule of an existing load balancer, and the target group that it forwards to.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html
"""

from lambdify.cli.settings import Settings
from lambdify.cli.template.endpoints.endpoint import Endpoint, Metrics, Resource, digest, permission

GROUP_NAME_LENGTH = 32
"""https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html"""


def write(settings: Settings, _: str) -> Endpoint:
    """Return the rule and the target group, which call the alias."""
    resources = {
        "TargetGroupPermission": _permission(settings),
        "TargetGroup": _target_group(settings),
        "ListenerRule": _rule(settings),
    }
    return Endpoint(resources=resources, url=_url(settings), metrics=_metrics(settings))


def _metrics(settings: Settings) -> Metrics:
    """Return what is counted for the target group; how long a Lambda in one takes is not.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html
    """
    balancer = settings.http.alb.listener.partition(":listener/")[2].rpartition("/")[0]
    group = {"Fn::GetAtt": ["TargetGroup", "TargetGroupFullName"]}
    counted = {"LoadBalancer": balancer, "TargetGroup": group}
    return Metrics("AWS/ApplicationELB", counted, "RequestCount", "HTTPCode_Target_5XX_Count", "")


def group_name(settings: Settings) -> str:
    """Return the name of the target group: the stage's name, cut to fit, and a digest of the load balancer.

    A group belongs to one load balancer, so another balancer needs another group.
    """
    balancer = settings.http.alb.listener.rpartition("/")[0]
    mark = digest([settings.full_name, balancer])[:8]
    return f"{settings.full_name[: GROUP_NAME_LENGTH - len(mark) - 1].rstrip('-')}-{mark}"


def _permission(settings: Settings) -> Resource:
    # The load balancer checks the permission when the alias becomes a target, so it is created before the
    # group. Its ARN names the group, which we choose, and leaves open the id after it, which AWS generates.
    group = f"targetgroup/{group_name(settings)}/*"
    arn = f"arn:${{AWS::Partition}}:elasticloadbalancing:${{AWS::Region}}:${{AWS::AccountId}}:{group}"
    return permission(
        Action="lambda:InvokeFunction",
        Principal="elasticloadbalancing.amazonaws.com",
        SourceArn={"Fn::Sub": arn},
        SourceAccount={"Ref": "AWS::AccountId"},
    )


def _target_group(settings: Settings) -> Resource:
    return {
        "Type": "AWS::ElasticLoadBalancingV2::TargetGroup",
        "DependsOn": "TargetGroupPermission",
        "Properties": {
            "Name": group_name(settings),
            "TargetType": "lambda",
            "Targets": [{"Id": {"Ref": "Alias"}}],
            # Without it only one value of a header, parameter or cookie that is repeated would arrive.
            "TargetGroupAttributes": [{"Key": "lambda.multi_value_headers.enabled", "Value": "true"}],
        },
    }


def _rule(settings: Settings) -> Resource:
    alb = settings.http.alb
    conditions: list[Resource] = []
    if alb.hosts:
        conditions.append({"Field": "host-header", "HostHeaderConfig": {"Values": list(alb.hosts)}})
    if alb.paths:
        conditions.append({"Field": "path-pattern", "PathPatternConfig": {"Values": list(alb.paths)}})
    return {
        "Type": "AWS::ElasticLoadBalancingV2::ListenerRule",
        "Properties": {
            "ListenerArn": alb.listener,
            "Priority": alb.priority,
            "Conditions": conditions,
            "Actions": [{"Type": "forward", "TargetGroupArn": {"Ref": "TargetGroup"}}],
        },
    }


def _url(settings: Settings) -> str | None:
    """Return the URL of the first host without wildcards; None if there is none.

    A listener's ARN does not tell the load balancer's own host.
    """
    hosts = [host for host in settings.http.alb.hosts if not {"*", "?"} & set(host)]
    return f"https://{hosts[0]}" if hosts else None
