"""Each API has one stage."""

from support.rendered_stage import Templates


def test_each_api_has_exactly_the_stage_api(prod: Templates) -> None:
    assert len(prod.translated) == 6
    for service, template in prod.translated.items():
        resources = template["Resources"].values()
        stages = [one for one in resources if one["Type"] == "AWS::ApiGateway::Stage"]
        assert [stage["Properties"]["StageName"] for stage in stages] == ["api"], service
        # a deployment with a name creates a stage too
        deployments = [one for one in resources if one["Type"] == "AWS::ApiGateway::Deployment"]
        assert len(deployments) == 1
        assert "StageName" not in deployments[0]["Properties"], service
