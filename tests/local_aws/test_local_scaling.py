"""Scaling of endpoints is recorded, for variants that exist."""

from local_cloud import Cloud, refused

TARGET = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": "endpoint/e/variant/AllTraffic",
    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
}


def test_a_target_is_a_variant_that_exists(cloud: Cloud) -> None:
    scaling = cloud.aws.client("application-autoscaling")
    limits = {"MinCapacity": 1, "MaxCapacity": 2}
    code, message, status = refused(scaling.register_scalable_target, **TARGET, **limits)
    assert (code, status) == ("ValidationException", 400)
    assert message.startswith(f"No scalable target can be registered for {TARGET['ResourceId']}: ")
    cloud.deploy("e", "m")
    scaling.register_scalable_target(**TARGET, **limits)
    found = scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    assert [(each["ResourceId"], each["MaxCapacity"]) for each in found] == [(TARGET["ResourceId"], 2)]
    absent = {**TARGET, "ResourceId": "endpoint/e/variant/Other"}
    assert refused(scaling.register_scalable_target, **absent, **limits)[0] == "ValidationException"
    scaling.put_scaling_policy(
        **TARGET,
        PolicyName="p",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 70.0,
            "PredefinedMetricSpecification": {
                "PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"
            },
        },
    )
